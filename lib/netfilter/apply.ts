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
 * @throws {NetfilterError} when a rule cannot be installed
 */
export async function installRules(
  context: Context,
  backend: Backend,
  rules: readonly Rule[],
): Promise<Applied> {
  const ordered = FAMILIES.flatMap((family) =>
    rules.filter((rule) => rule.family === family)
  );
  for (const { family } of ordered) {
    requireTools(context.tools, backend, family, "install the rule");
  }
  for (const rule of ordered) await installRule(context, backend, rule);
  const { removed, failures } = await sweep(
    context,
    elsewhere(context, backend, rules),
    rules,
  );
  return {
    removed,
    warnings: [
      ...failures.map(({ message }) => message),
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

/**
 * Removes the rule from every backend.
 *
 * @param destinations what it may catch, for tables that cannot be listed
 * @throws {NetfilterError} when it cannot be removed from some place, after
 * all the others were done
 */
export async function removeRules(
  context: Context,
  destinations: readonly Destination[],
): Promise<readonly Place[]> {
  const { removed, failures } = await sweep(
    context,
    places(context),
    destinations,
  );
  const [first] = failures;
  if (first !== undefined) throw first;
  return removed;
}

async function sweep(
  context: Context,
  where: readonly Place[],
  destinations: readonly Destination[],
): Promise<{ removed: readonly Place[]; failures: readonly NetfilterError[] }> {
  const removed: Place[] = [];
  const failures: NetfilterError[] = [];
  for (const place of where) {
    try {
      if (await removeFrom(context, place, destinations)) removed.push(place);
    } catch (error) {
      if (!(error instanceof NetfilterError)) throw error;
      failures.push(error);
    }
  }
  return { removed, failures };
}
