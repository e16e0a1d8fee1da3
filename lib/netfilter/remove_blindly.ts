/**
 * Takes the rule out of a table that iptables cannot list, because others
 * keep native nft rules in it.
 *
 * @module
 */
import { type Context, WAIT } from "./context.ts";
import { feed, ROUNDS } from "./feed.ts";
import { restoreCommand, xtables, type XtablesBackend } from "./inspect.ts";
import { blindRemoval } from "./iptables_plan.ts";
import type { Destination } from "./rule.ts";

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
    const code = async (args: readonly string[]) => {
      const result = await context.run([command, ...WAIT, ...args]);
      return typeof result === "string" ? undefined : result.code;
    };
    for (let round = 0; round < ROUNDS; round++) {
      if (await code(plan.jumpIsThere) !== 0) break;
      found = true;
      await feed(context, backend, { argv, stdin: plan.jump }, ACTION);
    }
    if (await code(plan.chainIsThere) === 2) continue;
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
