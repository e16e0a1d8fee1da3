/**
 * The whole rule, in both families: in one backend and nowhere else.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { NetfilterError } from "./failure.ts";
import { installRule } from "./install.ts";
import { type Place, places, removeFrom } from "./remove.ts";
import { type Backend, type Destination, FAMILIES, type Rule } from "./rule.ts";
import { blindSpots, requireTools } from "./tools.ts";

/** What installing or removing did besides. */
export interface Applied {
  /** Where a rule was found and taken away. */
  readonly removed: readonly Place[];
  /** Why some places could not be read; a rule of ours may stand there. */
  readonly warnings: readonly string[];
}

/**
 * Installs rules in one backend, then takes ours away everywhere else, in this
 * order, so that there is no moment without a rule.
 *
 * @param rules at most one a family; a family without one is cleaned
 * @param stand whether they were there before, see {@linkcode installRule}
 * @throws {NetfilterError} when a rule cannot be installed
 */
export async function installRules(
  context: Context,
  backend: Backend,
  rules: readonly Rule[],
  stand = false,
): Promise<Applied> {
  const ordered = FAMILIES.flatMap((family) =>
    rules.filter((rule) => rule.family === family)
  );
  for (const { family } of ordered) {
    requireTools(context.tools, backend, family, "install the rule");
  }
  for (const rule of ordered) {
    await installRule(context, backend, rule, stand);
  }
  const { removed, failures } = await sweep(
    context,
    elsewhere(context, backend, rules),
    rules,
  );
  return {
    removed,
    warnings: [
      ...failures.map(({ error }) => error.message),
      ...blindSpots(context.tools),
    ],
  };
}

/** Every place where no rule of ours is wanted. */
export function elsewhere(
  context: Context,
  backend: Backend,
  rules: readonly Rule[],
): readonly Place[] {
  return places(context).filter((place) =>
    place.backend !== backend ||
    rules.every((rule) => rule.family !== place.family)
  );
}

/** What removing did. */
export interface Swept {
  /** Where a rule was found and taken away. */
  readonly removed: readonly Place[];
  /** From where it could not be taken, and why. */
  readonly failures: readonly SweepFailure[];
}

/** A place that could not be cleaned. */
export interface SweepFailure extends Place {
  /** Why. */
  readonly error: NetfilterError;
}

/**
 * Removes the rule from every backend, from as many places as it can.
 *
 * @param destinations what it may catch, for tables that cannot be listed
 */
export async function removeRules(
  context: Context,
  destinations: readonly Destination[],
): Promise<Swept> {
  return await sweep(context, places(context), destinations);
}

async function sweep(
  context: Context,
  where: readonly Place[],
  destinations: readonly Destination[],
): Promise<Swept> {
  const removed: Place[] = [];
  const failures: SweepFailure[] = [];
  for (const place of where) {
    try {
      if (await removeFrom(context, place, destinations)) removed.push(place);
    } catch (error) {
      if (!(error instanceof NetfilterError)) throw error;
      failures.push({ ...place, error });
    }
  }
  return { removed, failures };
}
