/**
 * Feeds a transaction to `iptables-restore` or `nft`.
 *
 * @module
 */
import { type Context, failure } from "./context.ts";
import type { FailureKind, NetfilterError } from "./failure.ts";
import type { Backend } from "./rule.ts";

/** A command and what is fed to it. */
export interface Feed {
  /** The command. */
  readonly argv: readonly [string, ...string[]];
  /** Its standard input. */
  readonly stdin: string;
}

/**
 * How often a change is tried. Of several at the same moment each round lets
 * at least one through, so about this many can run at once.
 */
export const ROUNDS = 20;

/** What a change by others between looking and feeding can look like. */
const MAY_BE_A_RACE: readonly FailureKind[] = ["missing module", "other"];

/**
 * Feeds one transaction: all of it happens, or nothing.
 *
 * @returns the failure, when it may come from a change by others and another
 * try is worth it
 * @throws {NetfilterError} for any other failure
 */
export async function feed(
  context: Context,
  backend: Backend,
  { argv, stdin }: Feed,
  action: string,
): Promise<NetfilterError | undefined> {
  const result = await context.run(argv, { stdin });
  if (typeof result !== "string" && result.code === 0) return undefined;
  const attempt = { action, command: argv[0], backend };
  const failed = await failure(context, attempt, result);
  if (MAY_BE_A_RACE.includes(failed.kind)) return failed;
  throw failed;
}
