/**
 * Where faults are injected: a node, what runs there, and its randomness.
 *
 * @module
 */
import {
  EMULATED,
  type NodeBackend,
  PROXY_UID,
  REAL,
  type TestNode,
} from "../helpers/node.ts";
import type { Random } from "../helpers/random.ts";
import type { RunningProgram } from "../helpers/program.ts";

/** How long anything may take to be well again, in milliseconds. */
const RECOVERY_MS = 30_000;

/** What a fault works on. */
export interface Scene {
  /** The node. */
  readonly node: TestNode;
  /** The backend of its rule. */
  readonly backend: NodeBackend;
  /** `serve --iptables`. */
  readonly program: RunningProgram;
  /** The file `serve` reads. */
  readonly file: string;
  /** The metadata service; some faults put another in its place. */
  service: RunningProgram;
  /** What is left to chance. */
  readonly random: Random;
}

/** Settles after so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Waits for a line of the log that was not there before.
 *
 * @param from how long the log was, see {@linkcode logLength}
 * @param ms how long it may take, in milliseconds
 * @returns when it was written, in milliseconds since 1970
 * @throws {Error} when it does not come in time
 */
export async function logged(
  { program }: Pick<Scene, "program">,
  from: number,
  pattern: RegExp,
  ms = RECOVERY_MS,
): Promise<number> {
  const end = performance.now() + ms;
  for (;;) {
    const line = program.stderr().slice(from).split("\n").slice(0, -1)
      .find((text) => pattern.test(text));
    if (line !== undefined) return Date.parse(line.split(" ")[0] ?? "");
    if (performance.now() > end) {
      throw new Error(`Not logged within ${ms} ms: ${pattern}`);
    }
    await sleep(10);
  }
}

/** How long the log is now. */
export function logLength({ program }: Pick<Scene, "program">): number {
  return program.stderr().length;
}

/**
 * Waits until a new client is led to the proxy, and gets its answer.
 *
 * @throws {Error} when that takes too long
 */
export async function served({ node }: Pick<Scene, "node">): Promise<void> {
  await becomes("a client is served", async () => {
    return await node.leadsTo() === "4000" && await node.see(1000) === EMULATED;
  });
}

/** Waits until the metadata service answers the proxy. */
export async function answering({ node }: Pick<Scene, "node">): Promise<void> {
  await becomes("the service answers", async () => {
    return await node.see(PROXY_UID) === REAL;
  });
}

async function becomes(
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + RECOVERY_MS;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Not in time: ${what}`);
    await sleep(20);
  }
}
