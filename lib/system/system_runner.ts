/**
 * The runner of real processes.
 *
 * @module
 */
import {
  type NotRun,
  type RunOptions,
  type RunResult,
  TIME_LIMIT_MS,
} from "./runner.ts";

/**
 * Runs a command of this machine in the C locale, because its messages are
 * read, and kills it at its time limit. Needs the permission to run it.
 */
export async function systemRunner(
  [name, ...args]: readonly [string, ...string[]],
  { stdin, timeoutMs = TIME_LIMIT_MS }: RunOptions = {},
): Promise<RunResult | NotRun> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(name, {
      args,
      env: { LC_ALL: "C" },
      // A signal to our whole group must not cut a change short.
      detached: true,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    // Without any PATH there is another error, which has no class of its own.
    const isLost = error instanceof Deno.errors.NotFound ||
      Deno.env.get("PATH") === undefined;
    if (isLost) return "not found";
    throw error;
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const [output] = await Promise.all([
      child.output(),
      stdin === undefined ? undefined : feed(child.stdin, stdin),
    ]);
    if (late) return "timeout";
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  } finally {
    clearTimeout(timer);
  }
}

async function feed(
  input: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  const writer = input.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading all of it: its exit code says why.
    await writer.abort().catch(() => {});
  }
}
