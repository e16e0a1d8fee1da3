/**
 * Takes the rule out of a table that iptables cannot list, because others
 * keep native nft rules in it.
 *
 * @module
 */
import { type Context, failure, WAIT } from "./context.ts";
import { hasForeignRules, NetfilterError } from "./failure.ts";
import { feed, ROUNDS } from "./feed.ts";
import { restoreCommand, xtables, type XtablesBackend } from "./inspect.ts";
import { blindRemoval } from "./iptables_plan.ts";
import { jumpHandles, jumpRemoval } from "./native_plan.ts";
import type { Destination, Family } from "./rule.ts";

const ACTION = "remove the rule";

/**
 * Removes the jumps to given destinations, then our chain.
 *
 * @param destinations what the rule may catch, all of one family
 * @returns whether anything was there
 * @throws {NetfilterError} when it cannot
 */
export async function removeBlindly(
  context: Context,
  backend: XtablesBackend,
  destinations: readonly Destination[],
): Promise<boolean> {
  let found = false;
  for (const to of destinations) {
    const { command } = xtables(context, backend, to.family, ACTION);
    const argv = restoreCommand(context, backend, to.family, ACTION);
    const plan = blindRemoval(to);
    const ask = (args: readonly string[]) =>
      codeOf(context, backend, [command, ...WAIT, ...args]);
    let code = await ask(plan.jumpIsThere);
    for (let round = 0; code === 0 && round < ROUNDS; round++) {
      found = true;
      await feed(context, backend, { argv, stdin: plan.jump }, ACTION);
      code = await ask(plan.jumpIsThere);
    }
    if (code === "foreign") {
      found = await removeByHandle(context, to.family) || found;
      continue;
    }
    if (await ask(plan.chainIsThere) === 2) continue;
    found = true;
    const failed = await feed(
      context,
      backend,
      { argv, stdin: plan.chain },
      ACTION,
    );
    if (failed !== undefined) throw failed;
  }
  return found;
}

/** How `iptables -C` ended; `"foreign"` where it cannot read the chain. */
async function codeOf(
  context: Context,
  backend: XtablesBackend,
  argv: readonly [string, ...string[]],
): Promise<number | "foreign"> {
  const result = await context.run(argv);
  if (typeof result !== "string") {
    if (hasForeignRules(result)) return "foreign";
    if (result.code <= 2) return result.code;
  }
  const attempt = { action: ACTION, command: argv[0], backend };
  throw await failure(context, attempt, result);
}

/**
 * Removes what `nft` finds of ours, where the rules of others stand in OUTPUT
 * itself.
 */
async function removeByHandle(
  context: Context,
  family: Family,
): Promise<boolean> {
  if (!context.tools.native) {
    throw new NetfilterError(
      "foreign rules",
      `Cannot ${ACTION}: table "${family} nat" holds native nft rules before it that iptables cannot read, put nft on PATH`,
    );
  }
  const argv = ["nft", "-a", "list", "chain", family, "nat", "OUTPUT"] as const;
  const listed = await context.run(argv);
  if (typeof listed === "string" || listed.code !== 0) {
    throw await failure(
      context,
      { action: ACTION, command: "nft", backend: "nftables" },
      listed,
    );
  }
  const handles = jumpHandles(listed.stdout);
  const plan = {
    argv: ["nft", "-f", "-"] as const,
    stdin: jumpRemoval(family, handles),
  };
  const failed = await feed(context, "nftables", plan, ACTION);
  if (failed !== undefined) throw failed;
  return handles.length > 0;
}
