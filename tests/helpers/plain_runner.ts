/**
 * Runs the many short commands of tests. The program's own runner puts each
 * into a process group of its own, which takes a fork of the whole test
 * process: 15 ms of two processors each time.
 *
 * @module
 */
import type { Runner, RunResult } from "../../lib/system/runner.ts";

/** A real client takes seconds of a processor, of which others want theirs. */
const PATIENCE_MS = 120_000;

/** Runs a command; one that takes too long is killed, what it started is not. */
export const plainRunner: Runner = async (
  [name, ...args],
  { stdin, timeoutMs = PATIENCE_MS, signal } = {},
) => {
  const late = AbortSignal.timeout(timeoutMs);
  const end = signal === undefined ? late : AbortSignal.any([late, signal]);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(name, {
      args,
      env: { LC_ALL: "C" },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      signal: end,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "not found";
    throw error;
  }
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // Whoever does not read it to its end tells by its exit code.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  if (end.aborted) return "timeout";
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
};

/**
 * Runs a command to its end.
 *
 * @param argv the command
 * @param stdin fed to its standard input
 * @throws {Error} when it is not there or takes longer than two minutes
 */
export async function runToEnd(
  argv: readonly [string, ...string[]],
  stdin?: string,
): Promise<RunResult> {
  const result = await plainRunner(
    argv,
    stdin === undefined ? {} : { stdin },
  );
  if (typeof result !== "string") return result;
  throw new Error(`Cannot run ${argv.join(" ")}: ${result}`);
}

/**
 * Runs a command that must succeed.
 *
 * @returns its standard output
 */
export async function succeed(
  argv: readonly [string, ...string[]],
  stdin?: string,
): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(argv, stdin);
  if (code === 0) return stdout;
  throw new Error(
    `Cannot run ${argv.join(" ")}: code ${code}, ${stderr}${stdout}`,
  );
}
