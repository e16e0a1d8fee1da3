/**
 * What this program is to reach, and how far it got.
 *
 * @module
 */
import { NODE, OURS, OURS_COLD, SUB_FILTER } from "./contestants.ts";
import {
  DIRECT,
  idleWorker,
  perSecond,
  type RaceResults,
  type Sample,
  valuesOf,
} from "./race.ts";
import type { Growth } from "./growth.ts";
import {
  compared,
  difference,
  quotient,
  type Spread,
  spreadOf,
} from "./statistics.ts";
import { total, worker } from "./usage.ts";

/** A figure to reach. */
export interface Goal {
  /** What is measured. */
  readonly what: string;
  /** Whether the figure is to be at least or at most this. */
  readonly limit: { readonly atLeast: number } | { readonly atMost: number };
  /** The unit; nothing for a ratio. */
  readonly unit: string;
  /** What was found; nothing where something it needs was not measured. */
  readonly found: Spread | undefined;
}

/** Whether a goal was reached, by the median. */
export function reached({ limit, found }: Goal): boolean {
  if (found === undefined) return false;
  return "atLeast" in limit
    ? found.median >= limit.atLeast
    : found.median <= limit.atMost;
}

/** The number of connections at which throughput is compared. */
const CONNECTIONS = 16;

const AT = `, ${CONNECTIONS} connections`;

/** In MB RSS, under whatever load. */
const MEMORY_UNDER_LOAD = 90;

/**
 * Holds the results to the goals.
 *
 * @param results what was measured side by side
 * @param growth what was measured as connections grow
 */
export function goals(
  results: RaceResults,
  growth: readonly Growth[],
): readonly Goal[] {
  const { samples, footprints } = results;
  const of = (
    contestant: string,
    connections: number,
    pick: (sample: Sample) => number | undefined,
  ) => valuesOf(samples, { contestant, connections }, pick);
  const against = (
    one: string,
    other: string,
    connections: number,
    pick: (sample: Sample) => number | undefined,
    compare: typeof quotient,
  ) => {
    const values = of(one, connections, pick);
    const others = of(other, connections, pick);
    return values.length === 0 || others.length === 0
      ? undefined
      : compared(values, others, compare);
  };
  const speed = (one: string, other: string) =>
    against(one, other, CONNECTIONS, perSecond, quotient);
  const cost = (one: string) =>
    against(one, NODE, CONNECTIONS, (it) => it.cpu, quotient);
  const added = (pick: (sample: Sample) => number) =>
    against(OURS_COLD, DIRECT, 1, pick, difference);
  const memory = (pick: (contestant: string) => number | undefined) => {
    const values = [OURS, OURS_COLD].map(pick).filter((it) => it !== undefined);
    return values.length === 0 ? undefined : spreadOf([Math.max(...values)]);
  };
  const most = Math.max(...samples.map((it) => it.connections));
  const rows = growth.flatMap((it) => it.rows);
  const mostGrown = Math.max(...rows.map((it) => it.connections));
  return [
    {
      what: `Requests/s of ${OURS}, as a multiple of ${SUB_FILTER}${AT}`,
      limit: { atLeast: 1.2 },
      unit: "",
      found: speed(OURS, SUB_FILTER),
    },
    {
      what: `Requests/s of ${OURS_COLD}, as a multiple of ${SUB_FILTER}${AT}`,
      limit: { atLeast: 0.5 },
      unit: "",
      found: speed(OURS_COLD, SUB_FILTER),
    },
    {
      what: `Requests/s of ${OURS_COLD}, as a multiple of ${NODE}${AT}`,
      limit: { atLeast: 1.5 },
      unit: "",
      found: speed(OURS_COLD, NODE),
    },
    {
      what: `p50 that ${OURS_COLD} adds to direct, 1 connection`,
      limit: { atMost: 0.25 },
      unit: "ms",
      found: added((it) => it.load.p50),
    },
    {
      what: `p99 that ${OURS_COLD} adds to direct, 1 connection`,
      limit: { atMost: 1 },
      unit: "ms",
      found: added((it) => it.load.p99),
    },
    {
      what:
        `Processor time of ${OURS_COLD} a request, as a multiple of ${NODE}${AT}`,
      limit: { atMost: 1 },
      unit: "",
      found: cost(OURS_COLD),
    },
    {
      what: "Memory of the proxy process, idle",
      limit: { atMost: 45 },
      unit: "MB RSS",
      found: memory((it) => {
        const footprint = footprints.get(it);
        return footprint && idleWorker(footprint)?.rss;
      }),
    },
    {
      what:
        `Memory of the proxy process, peak under load, at most ${most} connections`,
      limit: { atMost: MEMORY_UNDER_LOAD },
      unit: "MB RSS",
      found: memory((it) => worker(footprints.get(it)?.loaded ?? []).peak),
    },
    {
      what: `Memory of the proxy process, peak with up to ${
        mostGrown.toLocaleString("en")
      } connections`,
      limit: { atMost: MEMORY_UNDER_LOAD },
      unit: "MB RSS",
      found: spreadOf([Math.max(...rows.map((it) => it.peak))]),
    },
    {
      what: "Memory of all processes, idle",
      limit: { atMost: 60 },
      unit: "MB PSS",
      found: memory((it) => total(footprints.get(it)?.idle ?? [], "pss")),
    },
    {
      what: "Start to first answer",
      limit: { atMost: 150 },
      unit: "ms",
      found: spreadOf(footprints.get(OURS)?.startMs ?? []),
    },
  ];
}
