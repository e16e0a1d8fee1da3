/**
 * Runs `c2s-imds iptables` within the test, with a runner of its own.
 *
 * @module
 */
import { runCommandLine } from "../../lib/cli/command_line.ts";
import type { ExitCode } from "../../lib/cli/command.ts";
import { createIptables } from "../../lib/commands/iptables.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { fakeIo } from "./io.ts";

/** How it ended. */
export interface Outcome {
  /** Its exit code. */
  readonly code: ExitCode;
  /** All it wrote to standard output. */
  readonly stdout: string;
  /** All it wrote to standard error. */
  readonly stderr: string;
}

/**
 * Runs it.
 *
 * @param run runs its commands, inside a namespace or not at all
 * @param line its arguments, separated by spaces
 */
export async function iptablesWith(
  run: Runner,
  line: string,
): Promise<Outcome> {
  const { io, written } = fakeIo();
  const code = await runCommandLine(["iptables", ...line.split(" ")], io, [
    { name: "iptables", load: () => Promise.resolve(createIptables(run)) },
  ]);
  return { code, ...written };
}
