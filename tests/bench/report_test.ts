import { assertEquals, assertStringIncludes } from "@std/assert";
import { OURS, OURS_COLD, SUB_FILTER } from "../../bench/contestants.ts";
import { goals, reached } from "../../bench/goals.ts";
import type { Growth } from "../../bench/growth.ts";
import { DIRECT, type RaceResults, type Sample } from "../../bench/race.ts";
import { raceReport } from "../../bench/report.ts";
import type { ProcessUsage } from "../../bench/usage.ts";

/** A measurement of a second that was never made. */
function sample(
  contestant: string,
  requests: number,
  p50: number,
  cpu?: number,
): Sample {
  const times = { p50, p99: 2 * p50, p999: 3 * p50 };
  const load = { requests, seconds: 1, bytes: 1, failed: 0, ...times };
  return { contestant, connections: 64, load, cpu };
}

/** A process of which only one figure matters. */
function usage(pid: number, cpuSeconds: number, rss: number): ProcessUsage {
  return { pid, cpuSeconds, rss, peak: rss, pss: rss };
}

/** Two rounds. */
const RESULTS: RaceResults = {
  samples: [
    sample(DIRECT, 4_000, 0.5),
    sample(OURS, 1_000, 4, 6),
    sample(SUB_FILTER, 2_000, 2, 3),
    sample(DIRECT, 4_000, 0.5),
    sample(OURS, 3_000, 1, 2),
    sample(SUB_FILTER, 2_000, 2, 4),
  ],
  footprints: new Map([OURS, OURS_COLD].map((name) => [name, {
    startMs: [100],
    // Another start, so that no id is the same.
    idle: [usage(1, 0.2, 13), usage(2, 0.1, 44)],
    loaded: [usage(11, 0.2, 14), usage(12, 9, 82)],
  }])),
  skipped: new Map(),
};

/** Memory as connections grow, in MB by their number. */
function growing(peaks: Readonly<Record<number, number>>): Growth {
  const { load } = sample(OURS, 1, 1);
  const rows = Object.entries(peaks).map(([connections, peak]) => ({
    connections: Number(connections),
    load,
    cpu: 1,
    peak,
  }));
  return { flags: [], rows };
}

Deno.test("goals() finds the process that does the work, and holds memory to one bound as connections grow", () => {
  const found = goals(RESULTS, [
    growing({ 1: 60, 1000: 98 }),
    growing({ 1: 60, 256: 112, 1000: 110 }),
  ]).filter(({ unit }) => unit === "MB RSS");
  assertEquals(
    found.map((goal) => [goal.found?.median, reached(goal)]),
    [[44, true], [82, true], [112, false]],
  );
});

Deno.test("raceReport() gives requests, p50 and processor time as multiples, round by round", () => {
  const text = raceReport(RESULTS);
  for (
    const row of [
      "| **c2s-imds** | 2,000 | 1.00 (0.500–1.50) | 2.50 | 1.25 (0.500–2.00) | 5.00 | 7.50 | 4.00 | 1.25 (0.500–2.00) | 0 |",
      "| direct | 4,000 | 2.00 | 0.500 | 0.250 | 1.00 | 1.50 | – | – | 0 |",
      "| **c2s-imds** | 2 | 100 | 57.0 | 96.0 | 44.0 | 82.0 |",
    ]
  ) assertStringIncludes(text, row);
});
