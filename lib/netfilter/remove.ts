/**
 * Takes everything of ours out of every backend. The jump depends on neither
 * uid nor port, and our chain and table have names of their own, so nothing
 * needs to be known of how it was installed.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { NetfilterError } from "./failure.ts";
import { type Feed, feed, ROUNDS } from "./feed.ts";
import {
  isForeign,
  readNativeTable,
  readNatTable,
  restoreCommand,
} from "./inspect.ts";
import { removeInput } from "./iptables_plan.ts";
import { removeBlindly } from "./remove_blindly.ts";
import { isEmpty } from "./nat_table.ts";
import { nativeRemoval } from "./native_plan.ts";
import {
  type Backend,
  BACKENDS,
  type Destination,
  FAMILIES,
  type Family,
} from "./rule.ts";
import { has } from "./tools.ts";

const ACTION = "remove the rule";

/** One place where a rule can stand. */
export interface Place {
  /** The backend. */
  readonly backend: Backend;
  /** The family. */
  readonly family: Family;
}

/** Every place this machine has the programs for. */
export function places(context: Context): readonly Place[] {
  return BACKENDS.flatMap((backend) =>
    FAMILIES.filter((family) => has(context.tools, backend, family))
      .map((family) => ({ backend, family }))
  );
}

/**
 * What removing would feed to which command now; `undefined` where nothing of
 * ours is there.
 *
 * @throws {NetfilterError} when what is there cannot be read
 */
export async function planRemoval(
  context: Context,
  { backend, family }: Place,
): Promise<Feed | undefined> {
  if (backend === "nftables") {
    const { present } = await readNativeTable(context, family, ACTION);
    return present
      ? { argv: ["nft", "-f", "-"], stdin: nativeRemoval(family) }
      : undefined;
  }
  const table = await readNatTable(context, backend, family, ACTION);
  if (isEmpty(table)) return undefined;
  return {
    argv: restoreCommand(context, backend, family, ACTION),
    stdin: removeInput(table),
  };
}

/**
 * Removes what is in one place.
 *
 * @param destinations what the rule may catch, for tables that cannot be listed
 * @returns whether anything was there
 * @throws {NetfilterError} when it cannot
 */
export async function removeFrom(
  context: Context,
  place: Place,
  destinations: readonly Destination[],
): Promise<boolean> {
  let failed: NetfilterError | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    let plan: Feed | undefined;
    try {
      plan = await planRemoval(context, place);
    } catch (error) {
      if (!isForeign(error) || place.backend === "nftables") throw error;
      const here = destinations.filter(({ family }) => family === place.family);
      return await removeBlindly(context, place.backend, here);
    }
    if (plan === undefined) return round > 0;
    failed = await feed(context, place.backend, plan, ACTION);
  }
  throw failed ?? new NetfilterError(
    "other",
    `Cannot ${ACTION}: others put it back ${ROUNDS} times while it was removed`,
  );
}
