/**
 * Network namespaces: the only place where tests install rules or use the
 * metadata service's real address. Needs root and iproute2.
 *
 * @module
 */
import type { Runner, RunResult } from "../../lib/system/runner.ts";
import { Output } from "./output.ts";
import { plainRunner, runToEnd, succeed } from "./plain_runner.ts";

/**
 * What starts a command inside. It becomes the command: process id and signals
 * are the same. `ip netns exec` would make a mount namespace for each of the
 * thousands of commands, which costs more than most of them.
 */
export function inNamespace(name: string): readonly [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${name}`];
}

/** A network namespace; disposing of it ends what runs inside. */
export class Namespace implements AsyncDisposable {
  readonly #spawned: Spawned[] = [];

  /** One that is there; {@linkcode createNamespace} makes them. */
  constructor(
    /** Its name. */
    readonly name: string,
  ) {}

  /** Runs commands inside, as the library takes it. */
  readonly runner: Runner = async (argv, options) => {
    const result = await plainRunner(this.#inside(argv), options);
    // What `nsenter` says where a process would not start at all.
    return typeof result !== "string" && result.code === 127 &&
        result.stderr.startsWith(`nsenter: failed to execute ${argv[0]}:`)
      ? "not found"
      : result;
  };

  /**
   * Runs a command inside to its end.
   *
   * @param argv the command
   * @param stdin fed to its standard input
   * @throws {Error} when it is not there or takes longer than two minutes
   */
  run(argv: readonly string[], stdin?: string): Promise<RunResult> {
    return runToEnd(this.#inside(argv), stdin);
  }

  /**
   * Runs a command inside that must succeed.
   *
   * @returns its standard output
   */
  must(argv: readonly string[], stdin?: string): Promise<string> {
    return succeed(this.#inside(argv), stdin);
  }

  /** Starts a command inside. */
  spawn(argv: readonly string[]): Spawned {
    const spawned = new Spawned(this.#inside(argv));
    this.#spawned.push(spawned);
    return spawned;
  }

  /** Ends what runs inside, and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const spawned of this.#spawned) await spawned.kill();
    await succeed(["ip", "netns", "del", this.name]);
  }

  #inside(argv: readonly string[]): [string, ...string[]] {
    return [...inNamespace(this.name), ...argv];
  }
}

/**
 * Makes a network namespace with its loopback up. Its name is `c2s-PID-` and
 * eight random digits: test files may run side by side in one process.
 *
 * @param addresses more addresses on its loopback, as `ADDRESS/BITS`
 */
export async function createNamespace(
  addresses: readonly string[] = [],
): Promise<Namespace> {
  const name = `c2s-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  await succeed(["ip", "netns", "add", name]);
  const namespace = new Namespace(name);
  const lines = addresses.map((address) => `addr add ${address} dev lo\n`);
  try {
    await succeed(
      ["ip", "-n", name, "-batch", "-"],
      ["link set lo up\n", ...lines].join(""),
    );
  } catch (error) {
    await namespace[Symbol.asyncDispose]();
    throw error;
  }
  return namespace;
}

/** A command that goes on inside; it is killed with the namespace. */
export class Spawned {
  /** Its process id: `nsenter` becomes the command. */
  readonly pid: number;
  /** Settles when it ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Output;
  #isOver = false;

  /** Starts a command. */
  constructor([name, ...args]: readonly [string, ...string[]]) {
    this.#child = new Deno.Command(name, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.pid = this.#child.pid;
    this.#stdout = new Output(this.#child.stdout);
    this.ended = this.#child.status.then((status) => {
      this.#isOver = true;
      return status;
    });
  }

  /** Its standard output so far. */
  stdout(): string {
    return this.#stdout.text;
  }

  /** Waits until standard output matches. */
  async shows(pattern: RegExp): Promise<void> {
    await this.#stdout.shows(pattern);
  }

  /** Sends SIGKILL or another signal, and waits for the end. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    if (!this.#isOver) this.#child.kill(signal);
    await Promise.all([this.ended, this.#stdout.done]);
  }
}
