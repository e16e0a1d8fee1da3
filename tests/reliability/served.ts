/**
 * `serve` as a process of its own, with what the kernel counts for it.
 *
 * @module
 */
import type {
  ListenAddress,
  UpstreamAddress,
} from "../../lib/config/serve_config.ts";
import { assertEquals } from "@std/assert";
import { procfs } from "../helpers/node.ts";
import { plainRunner } from "../helpers/plain_runner.ts";
import { type RunningProgram, startProgram } from "../helpers/program.ts";
import { get, RawClient } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";

/** A proxy that serves. */
export interface Served extends AsyncDisposable {
  /** Its process. */
  readonly program: RunningProgram;
  /** Where it listens. */
  readonly address: ListenAddress;
  /** How many descriptors it has open. */
  descriptors(): Promise<number>;
  /** How much memory it has resident, in KiB. */
  memory(): Promise<number>;
}

/**
 * How many descriptors a process has open.
 *
 * @param pid its id
 */
export async function descriptorsOf(pid: number): Promise<number> {
  const listed = await plainRunner(["ls", `/proc/${pid}/fd`]);
  if (typeof listed === "string") throw new Error(`Cannot run ls: ${listed}`);
  return listed.stdout.trim().split("\n").length;
}

/**
 * Starts `serve` on a free port of loopback.
 *
 * @param upstream its upstream
 * @param flags other flags
 */
export async function startServed(
  upstream: UpstreamAddress,
  flags: readonly string[] = [],
): Promise<Served> {
  const program = await startProgram([
    "serve",
    "--listen=127.0.0.1:0",
    `--upstream=http://${upstream.hostname}:${upstream.port}`,
    ...flags,
  ]);
  const { pid, url } = program;
  return {
    program,
    address: { hostname: "127.0.0.1", port: Number(new URL(url).port) },
    descriptors: () => descriptorsOf(pid),
    memory: async () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(await procfs(pid, "status"))?.[1]),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** The path that {@linkcode askOften} asks for. */
export const REGION = "/latest/meta-data/placement/region";

/** Starts an upstream that answers everything with the region. */
export function startRegion(): Promise<RawUpstream> {
  return startUpstream((_, { write }) => write(answer("us-east-1")));
}

/** Asks like any client; the longest wait, in milliseconds. */
export async function askOften(
  address: ListenAddress,
  count = 50,
  path = REGION,
): Promise<number> {
  let longest = 0;
  using client = await RawClient.connect(address);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await client.send(get(`${path}?${i}`));
    const { status, body } = await client.answer();
    longest = Math.max(longest, performance.now() - start);
    assertEquals([status, body], [200, "us-iso-east-1"]);
  }
  return longest;
}
