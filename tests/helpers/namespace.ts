/**
 * Network namespaces: the only place where tests install rules or use the
 * metadata service's real address. Needs root and iproute2.
 *
 * @module
 */
import type { Runner } from "../../lib/system/runner.ts";
import { plainRunner } from "./plain_runner.ts";

/** How a command inside ended. */
export interface Ran {
  /** Its exit code. */
  readonly code: number;
  /** Its whole standard output. */
  readonly stdout: string;
  /** Its whole standard error. */
  readonly stderr: string;
}

/** A command that goes on inside; it is killed with the namespace. */
export interface Spawned {
  /** Its process id: `ip netns exec` becomes the command. */
  readonly pid: number;
  /** Settles when it ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Its standard output so far. */
  stdout(): string;
  /**
   * Waits until standard output matches.
   *
   * @throws {Error} when it ends or 30 s pass before that
   */
  shows(pattern: RegExp): Promise<void>;
  /** Sends SIGKILL or another signal, and waits for the end. */
  kill(signal?: Deno.Signal): Promise<void>;
}

/** A network namespace; disposing of it ends what runs inside. */
export interface Namespace extends AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** Runs commands inside, as the library takes it. */
  readonly runner: Runner;
  /**
   * Runs a command inside to its end.
   *
   * @param argv the command
   * @param stdin fed to its standard input
   * @throws {Error} when it is not there or takes longer than two minutes
   */
  run(argv: readonly string[], stdin?: string): Promise<Ran>;
  /**
   * Runs a command inside that must succeed.
   *
   * @returns its standard output
   */
  must(argv: readonly string[], stdin?: string): Promise<string>;
  /** Starts a command inside. */
  spawn(argv: readonly string[]): Spawned;
}

/** A real client takes seconds of a processor, of which others want theirs. */
const COMMAND_MS = 120_000;
const SHOW_MS = 30_000;

async function ip(...args: string[]): Promise<void> {
  const result = await plainRunner(["ip", ...args]);
  if (typeof result === "string" || result.code !== 0) {
    const detail = typeof result === "string" ? result : result.stderr.trim();
    throw new Error(`Cannot run ip ${args.join(" ")}: ${detail}`);
  }
}

/**
 * Makes a network namespace named `c2s-PID-` and eight random digits with its loopback up.
 *
 * @param addresses more addresses on its loopback, as `ADDRESS/BITS`
 */
export async function createNamespace(
  addresses: readonly string[] = [],
): Promise<Namespace> {
  // Test files may run side by side in one process.
  const name = `c2s-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const inside = (argv: readonly string[]): [string, ...string[]] => [
    ...["ip", "netns", "exec", name] as const,
    ...argv,
  ];
  const runner: Runner = async (argv, options) => {
    const result = await plainRunner(inside(argv), options);
    // What `ip netns exec` says where a process would not start at all.
    return typeof result !== "string" && result.code === 255 &&
        result.stderr.startsWith(`exec of "${argv[0]}" failed: No such file`)
      ? "not found"
      : result;
  };
  const run = async (argv: readonly string[], stdin?: string) => {
    const result = await plainRunner(inside(argv), {
      timeoutMs: COMMAND_MS,
      ...stdin === undefined ? {} : { stdin },
    });
    if (typeof result === "string") {
      throw new Error(`Cannot run ${argv.join(" ")}: ${result}`);
    }
    return result;
  };
  const spawned: Running[] = [];
  await ip("netns", "add", name);
  const namespace: Namespace = {
    name,
    runner,
    run,
    async must(argv, stdin) {
      const { code, stdout, stderr } = await run(argv, stdin);
      if (code === 0) return stdout;
      throw new Error(
        `Cannot run ${argv.join(" ")}: code ${code}, ${stderr}${stdout}`,
      );
    },
    spawn(argv) {
      const running = new Running(inside(argv));
      spawned.push(running);
      return running;
    },
    async [Symbol.asyncDispose]() {
      for (const running of spawned) await running.kill();
      await ip("netns", "del", name);
    },
  };
  try {
    await ip("-n", name, "link", "set", "lo", "up");
    for (const address of addresses) {
      await ip("-n", name, "addr", "add", address, "dev", "lo");
    }
  } catch (error) {
    await namespace[Symbol.asyncDispose]();
    throw error;
  }
  return namespace;
}

class Running implements Spawned {
  readonly pid: number;
  readonly ended: Promise<Deno.CommandStatus>;
  #text = "";
  #over = false;
  #news = Promise.withResolvers<void>();
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;

  constructor([name, ...args]: readonly [string, ...string[]]) {
    this.#child = new Deno.Command(name, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.pid = this.#child.pid;
    this.#read = this.#gather(this.#child.stdout);
    this.ended = this.#child.status.then((status) => {
      this.#over = true;
      return status;
    });
  }

  async #gather(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
  }

  stdout(): string {
    return this.#text;
  }

  async shows(pattern: RegExp): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), SHOW_MS);
    try {
      while (!pattern.test(this.#text)) {
        const next = await Promise.race([
          this.#news.promise,
          this.#read.then(() => "over" as const),
          late,
        ]);
        if (next !== undefined && !pattern.test(this.#text)) {
          throw new Error(
            `Cannot find ${pattern} in the output (${next}): ${this.#text}`,
          );
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    if (!this.#over) this.#child.kill(signal);
    await Promise.all([this.ended, this.#read]);
  }
}
