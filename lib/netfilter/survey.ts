/**
 * Reads every place where a rule of ours can stand.
 *
 * @module
 */
import { type Context, requireCapabilities } from "./context.ts";
import { NetfilterError } from "./failure.ts";
import { checkRule, readNativeTable, readNatTable } from "./inspect.ts";
import { type Place, places } from "./remove.ts";
import type { Backend, Rule } from "./rule.ts";
import { blindSpots, requireTools } from "./tools.ts";
import type { Seen } from "./verdict.ts";

const ACTION = "tell whether the rule is installed";

/** What was seen, and what could not be. */
export interface Survey {
  /** What of ours was seen, by place. */
  readonly seen: readonly Seen[];
  /** What the programs warned of, and why other places could not be read. */
  readonly warnings: readonly string[];
}

/**
 * Reads the expected place and all others.
 *
 * @param backend where the rules are expected
 * @param rules the expected rules
 * @throws {NetfilterError} when an expected place cannot be read
 */
export async function survey(
  context: Context,
  backend: Backend,
  rules: readonly Rule[],
): Promise<Survey> {
  for (const { family } of rules) {
    requireTools(context.tools, backend, family, ACTION);
  }
  await requireCapabilities(context, backend, ACTION);
  const warnings = [...blindSpots(context.tools)];
  const seen = await Promise.all(
    places(context).map(async (place) => {
      const rule = rules.find(({ family }) =>
        place.backend === backend && place.family === family
      );
      try {
        return [await read(context, place, rule)];
      } catch (error) {
        if (rule !== undefined || !(error instanceof NetfilterError)) {
          throw error;
        }
        warnings.push(error.message);
        return [];
      }
    }),
  );
  const noted = seen.flat().flatMap((one) =>
    "table" in one && one.backend === backend ? one.table.warnings : []
  );
  return { seen: seen.flat(), warnings: [...new Set([...noted, ...warnings])] };
}

async function read(
  context: Context,
  place: Place,
  rule: Rule | undefined,
): Promise<Seen> {
  const { backend, family } = place;
  if (backend === "nftables") {
    const native = await readNativeTable(context, family, ACTION);
    return { ...place, native };
  }
  const table = await readNatTable(context, backend, family, ACTION);
  const checks = rule === undefined
    ? undefined
    : await checkRule(context, backend, rule, table, ACTION);
  return { ...place, table, checks };
}
