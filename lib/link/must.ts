/**
 * Runs a command that must succeed.
 *
 * @module
 */
import { missingCapabilities } from "../system/capabilities.ts";
import type { Runner } from "../system/runner.ts";
import { explain } from "./link_error.ts";

/**
 * Runs a command and hands out its standard output.
 *
 * @param run runs it
 * @param action what it is for, for the message
 * @param argv the command
 * @param stdin fed to its standard input
 * @throws {LinkError} when it does not end with code 0
 */
export async function must(
  run: Runner,
  action: string,
  argv: readonly [string, ...string[]],
  stdin?: string,
): Promise<string> {
  const result = await run(argv, stdin === undefined ? {} : { stdin });
  if (typeof result !== "string" && result.code === 0) return result.stdout;
  throw explain(
    action,
    argv,
    result,
    await missingCapabilities(["NET_ADMIN"], run),
  );
}
