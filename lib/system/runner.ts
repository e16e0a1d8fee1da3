/**
 * The one way to the programs of this machine: a runner of short commands,
 * handed in so that tests can answer in its place.
 *
 * @module
 */
import { deadline } from "./timers.ts";

/** How a command ended. */
export interface RunResult {
  /** Its exit code. */
  readonly code: number;
  /** All it wrote to standard output. */
  readonly stdout: string;
  /** All it wrote to standard error. */
  readonly stderr: string;
}

/** Why a command has no exit code: not on PATH, or stopped at its limit. */
export type NotRun = "not found" | "timeout";

/** What a command is given besides its arguments. */
export interface RunOptions {
  /** Fed to its standard input; without it the input is empty. */
  readonly stdin?: string;
  /** How long it may take, in milliseconds; {@linkcode TIME_LIMIT_MS}. */
  readonly timeoutMs?: number;
  /** Aborted, it is stopped as at its limit. */
  readonly signal?: AbortSignal;
}

/** Runs a command by name and waits for its end. */
export type Runner = (
  argv: readonly [string, ...string[]],
  options?: RunOptions,
) => Promise<RunResult | NotRun>;

/**
 * How long one command may take, in milliseconds: twice the longest that one
 * is told to wait itself, which is iptables for its lock.
 */
export const TIME_LIMIT_MS = 10_000;

/** How much is read at a time; lists of rules mostly have less. */
const READ_BYTES = 4 * 1024;

/** What changes nothing, and starts nothing that would have to be killed. */
const STARTS_NOTHING: readonly string[] = ["cat", "id"];

/** How long the pipes of a killed command may take to close, in milliseconds. */
const CLOSE_MS = 500;

/**
 * Runs a command of this machine in the C locale, because its messages are
 * read. At its time limit it is killed with everything it started in its
 * process group: it may be a script around the real program. Needs the
 * permission to run it, and `kill`.
 */
export async function systemRunner(
  [name, ...args]: readonly [string, ...string[]],
  { stdin, timeoutMs = TIME_LIMIT_MS, signal }: RunOptions = {},
): Promise<RunResult | NotRun> {
  if (signal?.aborted) return "timeout";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(name, {
      args,
      env: { LC_ALL: "C" },
      // A signal to our process group must not interrupt a change, and a
      // script is killed with what it runs. A process takes 1 ms more so.
      detached: !STARTS_NOTHING.includes(name),
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    // The executable may run what was on PATH at its start; without any PATH
    // there is an error that has no class of its own.
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable ||
      Deno.env.get("PATH") === undefined;
    if (isMissing) return "not found";
    throw error;
  }
  const givenUp = new AbortController();
  const all = Promise.all([
    child.status,
    readText(child.stdout, givenUp.signal),
    readText(child.stderr, givenUp.signal),
    // It may end without reading all of its input: its exit code says why.
    stdin !== undefined &&
    new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  const ended = await deadline(all, timeoutMs, signal);
  if (ended !== undefined) {
    const [{ code }, stdout, stderr] = ended;
    return { code, stdout, stderr };
  }
  await killGroup(child);
  if (await deadline(Promise.allSettled([all]), CLOSE_MS) === undefined) {
    // A process that left the group may keep the pipes open.
    givenUp.abort();
    child.unref();
  }
  return "timeout";
}

/** Reads a pipe to its end, unless it is given up. */
async function readText(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<string> {
  // Into one buffer: with output(), or a reader of another kind, each program
  // leaves some 64 KiB for each read, 10 MB in all.
  const reader = stream.getReader({ mode: "byob" });
  signal.addEventListener("abort", () => void reader.cancel());
  const decoder = new TextDecoder();
  let text = "";
  let buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const { done, value } = await reader.read(buffer);
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    buffer = new Uint8Array(value.buffer);
  }
}

/**
 * Kills a command and what it started. `Deno.kill` would need the permission
 * to run everything.
 */
async function killGroup(child: Deno.ChildProcess): Promise<void> {
  try {
    await new Deno.Command("kill", {
      args: ["-KILL", "--", `-${child.pid}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch {
    // There is no such command here: kill at least the process itself.
  }
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Says how a command ended, in its own words where it said any. */
export function ending(command: string, result: RunResult | NotRun): string {
  if (result === "not found") return `"${command}" is not on PATH`;
  if (result === "timeout") {
    return `"${command}" did not end in time and was stopped`;
  }
  const { code, stdout, stderr } = result;
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  // iptables-nft-restore says what is wrong on the line after its name.
  const said = lines[0]?.endsWith(":") && lines.length > 1
    ? `${lines[0]} ${lines[1]}`
    : lines[0];
  return `"${command}" ended with code ${code}${
    said === undefined ? "" : `: ${said}`
  }`;
}

/** A runner whose commands can all be stopped. */
export interface StoppableRunner {
  /** Runs commands until it is stopped. */
  readonly run: Runner;
  /** Stops what runs, starts nothing more, and waits until all has ended. */
  stop(): Promise<void>;
}

/**
 * Makes a runner that can be stopped: nothing may change the node any more
 * once this program has ended.
 *
 * @param run what runs the commands
 */
export function stoppableRunner(run: Runner): StoppableRunner {
  const stopped = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    async run(argv, options) {
      const result = run(argv, { ...options, signal: stopped.signal });
      running.add(result);
      try {
        return await result;
      } finally {
        running.delete(result);
      }
    },
    async stop() {
      stopped.abort();
      await Promise.allSettled(running);
    },
  };
}

/**
 * Reads a file of /proc or /sys, through `cat`: Deno itself opens those only
 * with every permission.
 *
 * @param path which
 * @param run runs `cat`
 * @returns its text; empty where it cannot be read
 */
export async function readKernel(path: string, run: Runner): Promise<string> {
  const read = await run(["cat", path]);
  return typeof read === "string" ? "" : read.stdout;
}
