/**
 * Runs `c2s-imds address` within the test, with a runner of its own.
 *
 * @module
 */
import { runCommandLine } from "../../lib/cli/command_line.ts";
import { createAddress } from "../../lib/commands/address.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { fakeIo } from "./io.ts";

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
  const { io, written } = fakeIo();
  const code = await runCommandLine(["address", ...line.split(" ")], io, [
    { name: "address", load: () => Promise.resolve(createAddress(run)) },
  ]);
  const { stdout, stderr } = written;
  return { code, stdout, ...stderr === "" ? {} : { stderr } };
}
