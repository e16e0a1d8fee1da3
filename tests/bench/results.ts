/**
 * Measurements that were never made, for tests of what is said of them.
 *
 * @module
 */
import { OURS, OURS_COLD, SUB_FILTER } from "../../bench/contestants.ts";
import { identity } from "../../bench/documents.ts";
import type { Growth } from "../../bench/growth.ts";
import { DIRECT, type RaceResults, type Sample } from "../../bench/race.ts";
import type { ProcessUsage } from "../../bench/usage.ts";

/** One measurement of a second. */
function sample(
  contestant: string,
  connections: number,
  requests: number,
  p50: number,
  cpu: number | undefined,
): Sample {
  const times = { p50, p99: 2 * p50, p999: 3 * p50 };
  const load = { requests, seconds: 1, bytes: 1, failed: 0, ...times };
  return { contestant, document: identity, connections, load, cpu };
}

/** A process of which only one figure matters. */
function usage(pid: number, cpuSeconds: number, rss: number): ProcessUsage {
  return { pid, cpuSeconds, rss, peak: rss, pss: rss };
}

/** Two rounds of three contestants and the upstream at 64 connections. */
export const RESULTS: RaceResults = {
  samples: [
    sample(DIRECT, 64, 4_000, 0.5, undefined),
    sample(OURS, 64, 1_000, 4, 6),
    sample(OURS_COLD, 64, 500, 9, 12),
    sample(SUB_FILTER, 64, 2_000, 2, 3),
    sample(DIRECT, 64, 4_000, 0.5, undefined),
    sample(OURS, 64, 3_000, 1, 2),
    sample(OURS_COLD, 64, 500, 9, 12),
    sample(SUB_FILTER, 64, 2_000, 2, 4),
  ],
  footprints: new Map([OURS, OURS_COLD, SUB_FILTER].map((name) => [name, {
    startMs: [100],
    // Another start, so that no id is the same.
    idle: [usage(1, 0.2, 13), usage(2, 0.1, 44)],
    loaded: [usage(11, 0.2, 14), usage(12, 9, 82)],
  }])),
  skipped: new Map(),
};

/** Memory as connections and bytes grow, in MB by their number. */
export function growing(
  what: Growth["what"],
  peaks: Readonly<Record<number, number>>,
): Growth {
  const [{ load }] = RESULTS.samples as [Sample];
  const rows = Object.entries(peaks).map(([work, peak]) => ({
    work: Number(work),
    load,
    cpu: 1,
    peak,
  }));
  return { what, flags: [], rows };
}
