/**
 * `serve` as a process of its own, with what the kernel counts for it.
 *
 * @module
 */
import {
  type ProgramOptions,
  type RunningProgram,
  startProgram,
} from "../helpers/program.ts";

/** A host and a port. */
export interface Address {
  /** The host. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** A proxy that serves. */
export interface Served extends AsyncDisposable {
  /** Its process. */
  readonly program: RunningProgram;
  /** Where it listens. */
  readonly address: Address;
  /** How many descriptors it has open. */
  descriptors(): Promise<number>;
  /** How much memory it has resident, in KiB. */
  memory(): Promise<number>;
}

async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args }).output();
  return new TextDecoder().decode(stdout);
}

/**
 * How many descriptors a process has open.
 *
 * @param pid its id
 */
export async function descriptorsOf(pid: number): Promise<number> {
  return (await output("ls", `/proc/${pid}/fd`)).trim().split("\n").length;
}

/**
 * How much memory a process has resident, in KiB.
 *
 * @param pid its id
 */
export async function memoryOf(pid: number): Promise<number> {
  const status = await output("cat", `/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
}

/**
 * Starts `serve` on a free port of loopback.
 *
 * @param upstream its upstream
 * @param flags other flags
 * @param options how it is started
 */
export async function startServed(
  upstream: Address,
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Served> {
  const program = await startProgram([
    "serve",
    "--listen=127.0.0.1:0",
    `--upstream=http://${upstream.hostname}:${upstream.port}`,
    ...flags,
  ], options);
  return {
    program,
    address: {
      hostname: "127.0.0.1",
      port: Number(new URL(program.url).port),
    },
    descriptors: () => descriptorsOf(program.pid),
    memory: () => memoryOf(program.pid),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
