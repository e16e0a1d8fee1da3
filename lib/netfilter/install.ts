/**
 * Puts the rule into one backend, and sees that it stands there once.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { NetfilterError } from "./failure.ts";
import { type Feed, feed, ROUNDS } from "./feed.ts";
import {
  checkRule,
  isForeign,
  readNativeTable,
  readNatTable,
  restoreCommand,
  type XtablesBackend,
} from "./inspect.ts";
import { chainInput, installInput, isExactly } from "./iptables_plan.ts";
import type { NatTable } from "./nat_table.ts";
import { isExactlyNative, nativeScript } from "./native_plan.ts";
import type { Backend, Rule } from "./rule.ts";

const ACTION = "install the rule";

/**
 * What installing a rule would feed to which command now.
 *
 * @throws {NetfilterError} when what is there cannot be read
 */
export async function planInstall(
  context: Context,
  backend: Backend,
  rule: Rule,
): Promise<Feed> {
  if (backend === "nftables") {
    return { argv: ["nft", "-f", "-"], stdin: nativeScript(rule) };
  }
  const { table, checks } = await look(context, backend, rule);
  return feedFor(context, backend, rule, table, checks.jump);
}

/**
 * What would be fed for a table of that content.
 *
 * @throws {NetfilterError} when the backend's programs are missing
 */
export function feedFor(
  context: Context,
  backend: XtablesBackend,
  rule: Rule,
  table: NatTable,
  jumpIsRight: boolean,
): Feed {
  return {
    argv: restoreCommand(context, backend, rule.family, ACTION),
    stdin: installInput(table, rule, jumpIsRight),
  };
}

async function look(context: Context, backend: XtablesBackend, rule: Rule) {
  const table = await readNatTable(context, backend, rule.family, ACTION);
  const checks = await checkRule(context, backend, rule, table, ACTION);
  return { table, checks };
}

async function isThere(
  context: Context,
  backend: Backend,
  rule: Rule,
): Promise<boolean> {
  if (backend === "nftables") {
    const table = await readNativeTable(context, rule.family, ACTION);
    return isExactlyNative(table, rule);
  }
  const { table, checks } = await look(context, backend, rule);
  return isExactly(table, checks);
}

/**
 * Installs a rule, over whatever of ours is there.
 *
 * Between looking and feeding others may change the table, another install of
 * ours among them: both would then add a jump. So it looks again after each
 * feed, until there is exactly one.
 *
 * @param stands whether it was there before: its chain is then renewed even in
 * a table that others have made unreadable since
 * @throws {NetfilterError} when it cannot
 */
export async function installRule(
  context: Context,
  backend: Backend,
  rule: Rule,
  stands: boolean,
): Promise<void> {
  try {
    await installReadably(context, backend, rule);
  } catch (error) {
    if (!stands || !isForeign(error) || backend === "nftables") throw error;
    const argv = restoreCommand(context, backend, rule.family, ACTION);
    const plan = { argv, stdin: chainInput(rule) };
    const failed = await feed(context, backend, plan, ACTION);
    if (failed !== undefined) throw failed;
  }
}

async function installReadably(
  context: Context,
  backend: Backend,
  rule: Rule,
): Promise<void> {
  let failed: NetfilterError | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const plan = await planInstall(context, backend, rule);
    failed = await feed(context, backend, plan, ACTION);
    if (failed === undefined && await isThere(context, backend, rule)) return;
  }
  throw failed ?? new NetfilterError(
    "other",
    `Cannot ${ACTION}: others changed it ${ROUNDS} times while it was installed`,
  );
}
