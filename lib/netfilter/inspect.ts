/**
 * Reads what of ours is in the kernel. Nothing here changes or creates
 * anything: `iptables-save` without `-t` does not even load legacy's tables.
 *
 * @module
 */
import { type Context, failure, WAIT } from "./context.ts";
import {
  foreign,
  hasForeignRules,
  isWithoutTable,
  NetfilterError,
} from "./failure.ts";
import { checkArguments, type Checks } from "./iptables_plan.ts";
import { EMPTY, type NatTable, parseNatTable } from "./nat_table.ts";
import { type NativeTable, parseNativeTable } from "./native_plan.ts";
import { type Family, NATIVE_TABLE, type Rule } from "./rule.ts";
import { requireTools, type Xtables } from "./tools.ts";

/** The backends that speak iptables. */
export type XtablesBackend = "nft" | "legacy";

/** The programs of a backend. */
export function xtables(
  context: Context,
  backend: XtablesBackend,
  family: Family,
  action: string,
): Xtables {
  requireTools(context.tools, backend, family, action);
  return context.tools[backend][family] as Xtables;
}

/** The command that takes a transaction and leaves all else as it is. */
export function restoreCommand(
  context: Context,
  backend: XtablesBackend,
  family: Family,
  action: string,
): [string, ...string[]] {
  const { restore } = xtables(context, backend, family, action);
  return [restore, ...WAIT, "--noflush"];
}

/**
 * Reads our part of a nat table.
 *
 * @throws {NetfilterError} when it cannot be read, or holds rules that
 * iptables cannot show
 */
export async function readNatTable(
  context: Context,
  backend: XtablesBackend,
  family: Family,
  action: string,
): Promise<NatTable> {
  const { save } = xtables(context, backend, family, action);
  // nft creates nothing on `-t`, and other tables need not be readable.
  const argv: [string, ...string[]] = backend === "nft"
    ? [save, "-t", "nat"]
    : [save];
  const result = await context.run(argv);
  if (typeof result !== "string") {
    if (hasForeignRules(result)) throw foreign(action, family);
    if (result.code === 0) return parseNatTable(result.stdout, result.stderr);
    if (isWithoutTable(result)) return EMPTY;
  }
  throw await failure(context, { action, command: save, backend }, result);
}

/**
 * Asks the kernel for each line of the rule.
 *
 * @param table what was read before; without our chain nothing is asked,
 * because the answers would be errors
 */
export async function checkRule(
  context: Context,
  backend: XtablesBackend,
  rule: Rule,
  table: NatTable,
  action: string,
): Promise<Checks> {
  if (!table.chain) return { jump: false, exempt: false, redirect: false };
  const { command } = xtables(context, backend, rule.family, action);
  const ask = async (args: readonly string[]): Promise<boolean> => {
    const result = await context.run([command, ...WAIT, ...args]);
    if (typeof result !== "string" && result.code === 0) return true;
    // 1: no such rule; 2: the chain went away since.
    if (typeof result !== "string" && result.code <= 2) return false;
    throw await failure(context, { action, command, backend }, result);
  };
  const args = checkArguments(rule);
  return {
    jump: await ask(args.jump),
    exempt: await ask(args.exempt),
    redirect: await ask(args.redirect),
  };
}

/**
 * Reads our table in native nft.
 *
 * @throws {NetfilterError} when it cannot be read
 */
export async function readNativeTable(
  context: Context,
  family: Family,
  action: string,
): Promise<NativeTable> {
  requireTools(context.tools, "nftables", family, action);
  const result = await context.run(
    ["nft", "-nn", "list", "table", family, NATIVE_TABLE],
  );
  if (typeof result !== "string") {
    if (result.code === 0) return parseNativeTable(result.stdout);
    if (result.stderr.includes("No such file or directory")) {
      return { present: false, rules: [] };
    }
  }
  throw await failure(
    context,
    { action, command: "nft", backend: "nftables" },
    result,
  );
}

/** Whether an error says that rules of others cannot be read. */
export function isForeign(error: unknown): error is NetfilterError {
  return error instanceof NetfilterError && error.kind === "foreign rules";
}
