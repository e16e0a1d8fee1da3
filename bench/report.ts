/**
 * The measurements as Markdown.
 *
 * @module
 */
import { OURS, SUB_FILTER } from "./contestants.ts";
import { type Goal, reached } from "./goals.ts";
import type { Growth } from "./growth.ts";
import {
  DIRECT,
  idleWorker,
  perSecond,
  type RaceResults,
  type Sample,
  valuesOf,
} from "./race.ts";
import { compared, quotient, type Spread, spreadOf } from "./statistics.ts";
import { total, worker } from "./usage.ts";

/** Where nothing was measured. */
const NOTHING = "–";

/** A number with about three digits. */
function short(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A median, with least and greatest where there is more than one round. */
function spread({ median, min, max }: Spread): string {
  return min === max || !Number.isFinite(median)
    ? short(median)
    : `${short(median)} (${short(min)}–${short(max)})`;
}

/**
 * A table of Markdown.
 *
 * @param head the names of the columns
 * @param rows the rows
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, i) => i === 0 ? "---" : "---:");
  return [line(head), line(rule), ...rows.map(line)].join("\n") + "\n";
}

/**
 * The goals and how far they were reached.
 *
 * @param goals the goals
 */
export function goalsReport(goals: readonly Goal[]): string {
  return table(
    ["what", "goal", "found (least–greatest)", "reached"],
    goals.map((goal) => {
      const { what, limit, unit, found } = goal;
      const bound = "atLeast" in limit
        ? `≥ ${limit.atLeast}`
        : `≤ ${limit.atMost}`;
      return [
        what,
        `${bound} ${unit}`.trim(),
        found === undefined ? "not measured" : spread(found),
        found === undefined ? "–" : reached(goal) ? "yes" : "**no**",
      ];
    }),
  );
}

/**
 * The measurements side by side.
 *
 * @param results what was measured
 */
export function raceReport(
  { samples, footprints, skipped }: RaceResults,
): string {
  const contestants = [...new Set(samples.map((it) => it.contestant))]
    .sort((a, b) => Number(b === DIRECT) - Number(a === DIRECT));
  const base = contestants.includes(SUB_FILTER) ? SUB_FILTER : DIRECT;
  const parts = [
    `Beside requests/s, p50 and processor time, × is the multiple of ${base}'s in
the same round: the median, with the least and the greatest.
`,
  ];
  for (const connections of new Set(samples.map((it) => it.connections))) {
    const values = (
      contestant: string,
      pick: (sample: Sample) => number | undefined,
    ) => valuesOf(samples, { contestant, connections }, pick);
    const cell = (
      contestant: string,
      pick: (sample: Sample) => number | undefined,
    ) => short(spreadOf(values(contestant, pick)).median);
    const multiple = (
      contestant: string,
      pick: (sample: Sample) => number | undefined,
    ) =>
      spread(compared(values(contestant, pick), values(base, pick), quotient));
    const p50 = ({ load }: Sample) => load.p50;
    const cpu = (sample: Sample) => sample.cpu;
    parts.push(
      `### ${connections} connection${connections === 1 ? "" : "s"}\n`,
      table(
        [
          "",
          "requests/s",
          "×",
          "p50 ms",
          "×",
          "p99 ms",
          "p99.9 ms",
          "CPU s per 100,000",
          "×",
          "failed",
        ],
        contestants.map((it) => [
          it.startsWith(OURS) ? `**${it}**` : it,
          cell(it, perSecond),
          multiple(it, perSecond),
          cell(it, p50),
          multiple(it, p50),
          cell(it, (sample) => sample.load.p99),
          cell(it, (sample) => sample.load.p999),
          cell(it, cpu),
          multiple(it, cpu),
          `${
            values(it, (sample) => sample.load.failed)
              .reduce((sum, failed) => sum + failed, 0)
          }`,
        ]),
      ),
    );
  }
  parts.push(
    "### Footprint\n",
    table(
      [
        "",
        "processes",
        "start to first answer, ms (least–greatest)",
        "idle, MB PSS",
        "after load, MB PSS",
        "working process idle, MB RSS",
        "its peak, MB RSS",
      ],
      [...footprints].map(([name, footprint]) => {
        const { startMs, idle, loaded } = footprint;
        return [
          name.startsWith(OURS) ? `**${name}**` : name,
          `${loaded.length}`,
          spread(spreadOf(startMs)),
          short(total(idle, "pss")),
          short(total(loaded, "pss")),
          short(idleWorker(footprint)?.rss ?? NaN),
          short(worker(loaded).peak),
        ];
      }),
    ),
    `Idle, a contestant is the only one that runs. After load all of them run, and
those of one executable share its pages: each of the two c2s-imds, and each of
the two on Deno, would have more PSS by itself. What measures runs on Deno too.
`,
  );
  for (const [name, reason] of skipped) {
    parts.push(`Skipped: ${name}, ${reason}.\n`);
  }
  return parts.join("\n");
}

/**
 * The cost of more connections.
 *
 * @param growth what was measured
 */
export function growthReport(growth: readonly Growth[]): string {
  return growth.map(({ flags, rows }) =>
    `### \`${["c2s-imds serve", ...flags].join(" ")}\`\n\n` +
    table(
      [
        "connections",
        "requests/s",
        "MB/s",
        "p50 ms",
        "p99 ms",
        "CPU s per 100,000",
        "peak, MB RSS",
        "failed",
      ],
      rows.map(({ connections, load, cpu, peak }) => [
        connections.toLocaleString("en"),
        short(load.requests / load.seconds),
        short(load.bytes / load.seconds / 1e6),
        short(load.p50),
        short(load.p99),
        short(cpu),
        short(peak),
        `${load.failed}`,
      ]),
    )
  ).join("\n");
}
