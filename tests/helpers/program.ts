/**
 * Starts `c2s-imds` as a process of its own: the executable that
 * `C2S_IMDS_EXECUTABLE` names, else from source under the import map that the
 * test itself runs under.
 *
 * @module
 */
import { importFlags } from "../../deploy/build.ts";
import { guardHost } from "./host_guard.ts";

/** How the program is started. */
export interface ProgramOptions {
  /** Variables beside the inherited ones, of which `C2S_IMDS_…` are dropped. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working folder; the test's own unless given. */
  readonly cwd?: string;
  /** The name of the network namespace it runs in; the test's own if none. */
  readonly namespace?: string;
  /** What starts it, before its own arguments; the test's own way if none. */
  readonly command?: readonly [string, ...string[]];
  /** What its standard output must show to count as started. */
  readonly ready?: RegExp;
}

/** How the program ended, and all it wrote. */
export interface ProgramResult {
  /** Its exit code. */
  readonly code: number;
  /** Its whole standard output. */
  readonly stdout: string;
  /** Its whole standard error. */
  readonly stderr: string;
}

/** The program while it runs; disposing of it stops it. */
export interface RunningProgram extends AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** The first address it listens on, without a trailing slash. */
  readonly url: string;
  /** Every address it listens on. */
  readonly urls: readonly string[];
  /** Settles when it ends by itself or is stopped. */
  readonly result: Promise<ProgramResult>;
  /** Its standard output so far. */
  stdout(): string;
  /** Its standard error so far. */
  stderr(): string;
  /** Waits until standard error matches. */
  logged(pattern: RegExp): Promise<void>;
  /** Reads standard error no more, so that writing to it fails. */
  closeStderr(): Promise<void>;
  /** Sends a signal. */
  signal(signal: Deno.Signal): void;
  /** Sends SIGTERM or another signal and waits for the end. */
  stop(signal?: Deno.Signal): Promise<ProgramResult>;
}

/** Starting from source may have to check and load every module first. */
const START_MS = 60_000;
/** The program itself gives a drain 10 s. */
const STOP_MS = 30_000;

const REPOSITORY = new URL("../../", import.meta.url);

/** The executable and the arguments that come before the program's own. */
export function programArguments(): readonly [string, ...string[]] {
  const executable = Deno.env.get("C2S_IMDS_EXECUTABLE");
  if (executable !== undefined) return [executable];
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--no-prompt",
    `--config=${new URL("deno.json", REPOSITORY).pathname}`,
    ...importFlags(),
    "--frozen",
    "-P=program",
    new URL("main.ts", REPOSITORY).pathname,
  ];
}

function spawn(
  args: readonly string[],
  { env = {}, cwd, namespace, command: given }: ProgramOptions,
): Deno.ChildProcess {
  const start = given ?? programArguments();
  const [command, ...before] = namespace === undefined
    ? start
    // It becomes the program, so that process id and signals are the same.
    : ["ip", "netns", "exec", namespace, ...start] as const;
  const inherited = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("C2S_IMDS_"));
  return new Deno.Command(command, {
    args: [...before, ...args],
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function guard(
  args: readonly string[],
  { env = {}, namespace }: ProgramOptions,
  serves: boolean,
): void {
  if (namespace === undefined) guardHost(args, env, serves);
}

/** Gathers a stream as text and tells of every piece that comes. */
class Gathered {
  text = "";
  readonly done: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #news = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.done = this.#read();
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.text += decoder.decode(value, { stream: true });
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
  }

  /** Waits for a match, or for the end of the stream without one. */
  async match(pattern: RegExp): Promise<RegExpMatchArray | undefined> {
    for (let open = true;;) {
      const found = this.text.match(pattern);
      if (found !== null) return found;
      if (!open) return undefined;
      open = await Promise.race([
        this.#news.promise.then(() => true),
        this.done.then(() => false),
      ]);
    }
  }
}

/** Rejects when something takes too long, naming it. */
async function within<T>(
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what}: ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Running {
  readonly stdout: Gathered;
  readonly stderr: Gathered;
  readonly result: Promise<ProgramResult>;
  #ended = false;

  constructor(readonly child: Deno.ChildProcess) {
    this.stdout = new Gathered(child.stdout);
    this.stderr = new Gathered(child.stderr);
    this.result = this.#wait();
  }

  async #wait(): Promise<ProgramResult> {
    const { code } = await this.child.status;
    this.#ended = true;
    await Promise.all([this.stdout.done, this.stderr.done]);
    return { code, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  signal(signal: Deno.Signal): void {
    if (!this.#ended) this.child.kill(signal);
  }

  async stop(signal: Deno.Signal): Promise<ProgramResult> {
    this.signal(signal);
    try {
      return await within(STOP_MS, "Program did not stop", this.result);
    } catch (error) {
      this.signal("SIGKILL");
      await this.result;
      throw error;
    }
  }
}

/**
 * Runs the program to its end.
 *
 * @param args its arguments
 * @throws {Error} when it does not end in a minute; it is killed then
 */
export async function runProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  guard(args, options, false);
  const running = new Running(spawn(args, options));
  try {
    return await within(START_MS, "Program did not end", running.result);
  } catch (error) {
    running.signal("SIGKILL");
    await running.result;
    throw error;
  }
}

/**
 * Starts the program and waits for the line that says where it listens.
 *
 * @param args its arguments
 * @throws {Error} with its standard error when it ends or dallies before
 */
export async function startProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<RunningProgram> {
  guard(args, options, true);
  const ready = options.ready ?? /^.*listening on http:.*\n/m;
  const running = new Running(spawn(args, options));
  let line: RegExpMatchArray | undefined;
  try {
    line = await within(
      START_MS,
      "Program did not start",
      running.stdout.match(ready),
    );
  } catch (error) {
    running.signal("SIGKILL");
    await running.result;
    throw error;
  }
  if (line === undefined) {
    const { code, stderr } = await running.stop("SIGTERM");
    throw new Error(`Program ended with code ${code}: ${stderr}`);
  }
  const urls = line[0].match(/http:\/\/[\w.:[\]-]+/g) ?? [];
  return {
    pid: running.child.pid,
    url: urls[0] ?? "",
    urls,
    result: running.result,
    stdout: () => running.stdout.text,
    stderr: () => running.stderr.text,
    logged: async (pattern) => {
      const found = await within(
        START_MS,
        `Program did not log ${pattern}`,
        running.stderr.match(pattern),
      );
      if (found === undefined) {
        throw new Error(`Program ended without logging ${pattern}`);
      }
    },
    closeStderr: () => running.stderr.close(),
    signal: (signal) => running.signal(signal),
    stop: (signal = "SIGTERM") => running.stop(signal),
    [Symbol.asyncDispose]: async () => {
      await running.stop("SIGTERM");
    },
  };
}
