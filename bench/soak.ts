/**
 * A day of requests in minutes: the memory of the proxy process must stay where
 * it is.
 *
 * @module
 */
import { ourCommand } from "./contestants.ts";
import { identity } from "./documents.ts";
import { freePort, startAnswering } from "./processes.ts";
import { spreadOf } from "./statistics.ts";
import { processesOf, usageOf, worker } from "./usage.ts";
import { load } from "./wrk.ts";

/** Memory after some requests. */
export interface SoakPoint {
  /** Requests so far, those of the warm-up left out. */
  readonly requests: number;
  /** Memory of the proxy process, in MB RSS. */
  readonly rss: number;
  /** Requests so far that failed. */
  readonly failed: number;
}

/** How the memory went. */
export interface Soak {
  /** How the program was started. */
  readonly flags: readonly string[];
  /** What was seen, from the end of the warm-up on. */
  readonly points: readonly SoakPoint[];
}

/** How much of all requests is for warming up. */
const WARM_UP = 1 / 20;

const CONNECTIONS = 16;

/** How often the memory is looked at, in seconds. */
const SECONDS = 5;

/**
 * How much memory grew: the middle of its last quarter over the middle of its
 * first. A single point says little, garbage comes and goes.
 *
 * @param soak what was seen
 */
export function growthOf({ points }: Soak): number {
  const quarter = Math.max(1, Math.floor(points.length / 4));
  const middle = (some: readonly SoakPoint[]) =>
    spreadOf(some.map((it) => it.rss)).median;
  return middle(points.slice(-quarter)) / middle(points.slice(0, quarter));
}

/**
 * Sends requests of a node's usual kind, tokens among them.
 *
 * @param executable the path of this program
 * @param upstream the port of the upstream
 * @param requests how many
 * @param flags flags of this program
 * @param tell told how far it is
 */
export async function soak(
  executable: string,
  upstream: number,
  requests: number,
  flags: readonly string[],
  tell: (message: string) => void,
): Promise<Soak> {
  const port = freePort();
  const started = await startAnswering(
    ourCommand(executable, { port, upstream }, ...flags),
    port,
    identity.target,
  );
  await using program = started.program;
  const pids = await processesOf(program.pid);
  const points: SoakPoint[] = [];
  let sent = -requests * WARM_UP;
  let failed = 0;
  while (sent < requests) {
    const measured = await load(`http://127.0.0.1:${port}`, {
      connections: CONNECTIONS,
      seconds: SECONDS,
      script: "soak.lua",
    });
    sent += measured.requests;
    failed += measured.failed;
    const { rss } = worker(await usageOf(pids));
    tell(`soak: ${Math.round(sent)} requests, ${rss.toFixed(1)} MB`);
    if (sent >= 0) points.push({ requests: sent, rss, failed });
  }
  return { flags, points };
}
