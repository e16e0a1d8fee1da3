/**
 * Starts `c2s-imds` as a process of its own.
 *
 * @module
 */
import { guardHost } from "./host_guard.ts";
import { installedProgram } from "./installed.ts";
import { inNamespace } from "./namespace.ts";
import { Output } from "./output.ts";

/** How the program is started. */
export interface ProgramOptions {
  /** Variables beside the inherited ones, without `C2S_IMDS_…` and coverage. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working folder; the test's own unless given. */
  readonly cwd?: string;
  /** The name of the network namespace it runs in; the test's own if none. */
  readonly namespace?: string;
  /** A command that starts another, which it is given at its end. */
  readonly before?: readonly string[];
  /** What starts it, before its own arguments; as installed if none. */
  readonly command?: readonly [string, ...string[]];
}

type Start = ProgramOptions & Required<Pick<ProgramOptions, "command">>;

/** How the program ended, and all it wrote. */
export interface ProgramResult {
  /** Its exit code. */
  readonly code: number;
  /** Its whole standard output. */
  readonly stdout: string;
  /** Its whole standard error. */
  readonly stderr: string;
}

/** How long it may take to end: it gives a drain 10 s, a busy machine more. */
const END_MS = 60_000;

function spawn(
  args: readonly string[],
  { env = {}, cwd, namespace, command }: Start,
): Deno.ChildProcess {
  const [name, ...before] = namespace === undefined
    ? command
    : [...inNamespace(namespace), ...command] as const;
  const inherited = Object.entries(Deno.env.toObject())
    .filter(([name]) => !/^(?:C2S_IMDS_|DENO_COVERAGE_DIR$)/.test(name));
  return new Deno.Command(name, {
    args: [...before, ...args],
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The program while it runs; disposing of it stops it. */
export class RunningProgram implements AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** Every address it listens on, without a trailing slash. */
  urls: readonly string[] = [];
  /** Settles when it ends by itself or is stopped. */
  readonly result: Promise<ProgramResult>;
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;
  #ended = false;

  /** Starts it; where it listens is not known yet. */
  constructor(args: readonly string[], options: Start) {
    this.#child = spawn(args, options);
    this.pid = this.#child.pid;
    this.#stdout = new Output(this.#child.stdout);
    this.#stderr = new Output(this.#child.stderr);
    this.result = this.#wait();
  }

  async #wait(): Promise<ProgramResult> {
    const { code } = await this.#child.status;
    this.#ended = true;
    await Promise.all([this.#stdout.done, this.#stderr.done]);
    return { code, stdout: this.stdout(), stderr: this.stderr() };
  }

  /** The first address it listens on. */
  get url(): string {
    return this.urls[0] ?? "";
  }

  /** Its standard output so far. */
  stdout(): string {
    return this.#stdout.text;
  }

  /** Its standard error so far. */
  stderr(): string {
    return this.#stderr.text;
  }

  /** Waits for the line that says where it listens. */
  async listens(): Promise<void> {
    const line = /^.*listening on http:.*\n/m;
    const [found] = await this.#stdout.shows(line);
    this.urls = found.match(/http:\/\/[\w.:[\]-]+/g) ?? [];
  }

  /** Waits until standard error matches. */
  async logged(pattern: RegExp): Promise<void> {
    await this.#stderr.shows(pattern);
  }

  /** Reads standard error no more, so that writing to it fails. */
  closeStderr(): Promise<void> {
    return this.#stderr.close();
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /**
   * Waits for its end.
   *
   * @throws {Error} when it takes longer than a minute; it is killed then
   */
  async end(): Promise<ProgramResult> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.signal("SIGKILL");
    }, END_MS);
    const result = await this.result;
    clearTimeout(timer);
    if (!isLate) return result;
    throw new Error(`Program did not end in ${END_MS} ms: ${result.stderr}`);
  }

  /** Sends SIGTERM or another signal and waits for the end. */
  stop(signal: Deno.Signal = "SIGTERM"): Promise<ProgramResult> {
    this.signal(signal);
    return this.end();
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
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
  const start = await startOf(args, options, false);
  return await new RunningProgram(args, start).end();
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
  const start = await startOf(args, options, true);
  const running = new RunningProgram(args, start);
  try {
    await running.listens();
    return running;
  } catch (cause) {
    const { code, stderr } = await running.stop("SIGKILL");
    throw new Error(`Program ended with code ${code}: ${stderr}`, { cause });
  }
}

/** What starts it, once it is known to be no danger to this machine. */
async function startOf(
  args: readonly string[],
  options: ProgramOptions,
  serves: boolean,
): Promise<Start> {
  const { env = {}, namespace, before = [], command } = options;
  if (namespace === undefined) guardHost(args, env, serves);
  if (command !== undefined) return { ...options, command };
  const installed = await installedProgram();
  const [name = "", ...rest] = [...before, ...installed.command];
  return {
    ...options,
    command: [name, ...rest],
    env: { ...installed.env, ...env },
  };
}
