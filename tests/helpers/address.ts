/**
 * Runs `c2s-imds address` within the test, with a runner of its own.
 *
 * @module
 */
import { createAddress } from "../../lib/commands/address.ts";
import type { ExitCode } from "../../lib/commands/command.ts";
import type { Runner } from "../../lib/system/runner.ts";

/**
 * Runs it.
 *
 * @param run runs its commands, inside a namespace or not at all
 * @param line its arguments, separated by spaces
 */
export async function addressWith(
  run: Runner,
  line: string,
): Promise<{ readonly code: ExitCode; readonly stdout: string }> {
  let stdout = "";
  const code = await createAddress(run).run(line.split(" "), {
    env: {},
    build: { imports: "npm" },
    terminal: false,
    stdout: (text) => stdout += text,
    stderr: () => {},
    readTextFile: () => "",
    flush: () => Promise.resolve(),
    onSignal: () => () => {},
  });
  return { code, stdout };
}
