/**
 * What installing and removing would feed to which command, without doing it.
 *
 * @module
 */
import { elsewhere } from "./apply.ts";
import type { Context } from "./context.ts";
import { NetfilterError } from "./failure.ts";
import type { Feed } from "./feed.ts";
import { feedFor, planInstall } from "./install.ts";
import { EMPTY } from "./nat_table.ts";
import { type Place, places, planRemoval } from "./remove.ts";
import { type Backend, FAMILIES, type Rule } from "./rule.ts";

/** What would be fed, and what could not be read. */
export interface DryRun {
  /** What would be fed, in order. */
  readonly feeds: readonly Feed[];
  /** What could not be read, so that more or less may be fed in the end. */
  readonly warnings: readonly string[];
}

/**
 * What {@linkcode installRules} would feed. Where nothing can be read it is
 * what an empty table would get.
 */
export async function dryInstall(
  context: Context,
  backend: Backend,
  rules: readonly Rule[],
): Promise<DryRun> {
  const feeds: Feed[] = [];
  const warnings: string[] = [];
  for (const family of FAMILIES) {
    for (const rule of rules.filter((one) => one.family === family)) {
      try {
        feeds.push(await planInstall(context, backend, rule));
      } catch (error) {
        if (!(error instanceof NetfilterError) || backend === "nftables") {
          throw error;
        }
        warnings.push(`${error.message}; shown is what an empty table gets`);
        feeds.push(feedFor(context, backend, rule, EMPTY, false));
      }
    }
  }
  if (warnings.length > 0) return { feeds, warnings };
  const others = await removals(context, elsewhere(context, backend, rules));
  return { feeds: [...feeds, ...others.feeds], warnings: others.warnings };
}

/** What {@linkcode removeRules} would feed. */
export function dryRemove(context: Context): Promise<DryRun> {
  return removals(context, places(context));
}

async function removals(
  context: Context,
  where: readonly Place[],
): Promise<DryRun> {
  const feeds: Feed[] = [];
  const warnings: string[] = [];
  for (const place of where) {
    try {
      const plan = await planRemoval(context, place);
      if (plan !== undefined) feeds.push(plan);
    } catch (error) {
      if (!(error instanceof NetfilterError)) throw error;
      warnings.push(error.message);
    }
  }
  return { feeds, warnings };
}
