/**
 * Programs that are measured: starting them, what they use, ending them by
 * their ids.
 *
 * @module
 */

/** How to start a program. */
export interface CommandLine {
  /** Its name or path. */
  readonly name: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Variables beside the present ones. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How long a program may take until its first answer, in milliseconds. */
const START_MS = 30_000;

/** How often an answer is tried for, in milliseconds. */
const TRY_MS = 1;

/** How long one answer may take, in milliseconds. */
const ANSWER_MS = 5_000;

/** How long a program may take to end when it is told to, in milliseconds. */
const STOP_MS = 10_000;

/** A program that was started. */
export class Running implements AsyncDisposable {
  /** The id of the process that was started. */
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  #ended = false;

  /**
   * Starts a program; what it says is dropped.
   *
   * @param command how
   */
  constructor(command: CommandLine) {
    this.#process = new Deno.Command(command.name, {
      args: [...command.args],
      env: { ...command.env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.pid = this.#process.pid;
    this.#process.status.then(() => this.#ended = true);
    running.add(this);
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends it a signal, unless it has ended. */
  send(signal: Deno.Signal): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** Ends it, by force if it does not end in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this);
    this.send("SIGTERM");
    const timer = setTimeout(() => this.send("SIGKILL"), STOP_MS);
    await this.#process.status;
    clearTimeout(timer);
  }
}

const running = new Set<Running>();

/** Ends every program that still runs when this one is told to end. */
export function endWithUs(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      for (const program of running) program.send("SIGTERM");
      Deno.exit(1);
    });
  }
}

/**
 * Starts a program and waits until it answers.
 *
 * @param command how it is started
 * @param port where it will listen
 * @param target what it is asked for
 * @returns the program, and how long its first answer took, in milliseconds
 * @throws {Error} when it ends, or gives no answer in time
 */
export async function startAnswering(
  command: CommandLine,
  port: number,
  target: string,
): Promise<{ readonly program: Running; readonly startMs: number }> {
  const started = performance.now();
  const program = new Running(command);
  for (;;) {
    const answer = await ask(port, target);
    const took = performance.now() - started;
    if (answer !== undefined) return { program, startMs: took };
    if (program.ended || took > START_MS) {
      await program[Symbol.asyncDispose]();
      const line = [command.name, ...command.args].join(" ");
      throw new Error(`Cannot start: ${line}`);
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
}

/**
 * Asks a server of this machine for a document.
 *
 * @param port its port
 * @param target the document
 * @returns its body; `undefined` when there is none in time
 */
export async function ask(
  port: number,
  target: string,
): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body = await answer.text();
    return answer.ok ? body : undefined;
  } catch {
    return undefined;
  }
}

/** A port of 127.0.0.1 that is free at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether a program can be found. */
export function isInstalled(name: string): boolean {
  const folders = name.includes("/")
    ? [""]
    : (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/`);
  return folders.some((folder) => {
    try {
      return Deno.statSync(folder + name).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * What a program prints, both streams together; its status is not looked at.
 *
 * @param name its name
 * @param args its arguments
 */
export async function output(
  name: string,
  ...args: readonly string[]
): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(name, {
    args: [...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr);
}
