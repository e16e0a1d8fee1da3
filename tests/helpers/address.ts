/**
 * Runs `c2s-imds address` within the test, with a runner of its own.
 *
 * @module
 */
import { createAddress } from "../../lib/commands/address.ts";
import type { Runner } from "../../lib/system/runner.ts";

/** How it ended. */
export interface AddressResult {
  /** Its code. */
  readonly code: number;
  /** What it wrote. */
  readonly stdout: string;
  /** What it said, if anything. */
  readonly stderr?: string;
}

/**
 * Runs it.
 *
 * @param run runs its commands, inside a namespace or not at all
 * @param line its arguments, separated by spaces
 */
export async function addressWith(
  run: Runner,
  line: string,
): Promise<AddressResult> {
  let stdout = "";
  let stderr = "";
  const code = await createAddress(run).run(line.split(" "), {
    env: {},
    build: { imports: "npm" },
    terminal: false,
    stdout: (text) => stdout += text,
    stderr: (text) => stderr += text,
    readTextFile: () => "",
    flush: () => Promise.resolve(),
    onSignal: () => () => {},
  });
  return { code, stdout, ...stderr === "" ? {} : { stderr } };
}
