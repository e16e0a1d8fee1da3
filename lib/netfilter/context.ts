/**
 * What every operation on the rule needs.
 *
 * @module
 */
import { missingCapabilities } from "../system/capabilities.ts";
import type { NotRun, Runner, RunResult } from "../system/runner.ts";
import { type Attempt, explain, lacking, NetfilterError } from "./failure.ts";
import { LOCK_WAIT_S } from "./lock_wait.ts";
import type { Backend } from "./rule.ts";
import type { Tools } from "./tools.ts";

/** The machine as this room sees it. */
export interface Context {
  /** Runs the commands. */
  readonly run: Runner;
  /** The programs that are there. */
  readonly tools: Tools;
}

/** The arguments that come first with each `iptables` and `iptables-restore`. */
export const WAIT: readonly string[] = ["-w", String(LOCK_WAIT_S)];

/** Explains a failure, after a look at the capabilities. */
export async function failure(
  context: Context,
  attempt: Attempt,
  result: RunResult | NotRun,
): Promise<NetfilterError> {
  const wanted = attempt.backend === "legacy"
    ? ["NET_ADMIN", "NET_RAW"] as const
    : ["NET_ADMIN"] as const;
  return explain(
    attempt,
    result,
    await missingCapabilities(wanted, context.run),
  );
}

/**
 * Makes sure that this process may read and change rules.
 *
 * @throws {NetfilterError} that names the missing capability
 */
export async function requireCapabilities(
  context: Context,
  backend: Backend,
  action: string,
): Promise<void> {
  const missing = await missingCapabilities(
    backend === "legacy" ? ["NET_ADMIN", "NET_RAW"] : ["NET_ADMIN"],
    context.run,
  );
  if (missing.length > 0) {
    throw new NetfilterError(
      "no permission",
      `Cannot ${action}: ${lacking(missing, backend)}`,
    );
  }
}
