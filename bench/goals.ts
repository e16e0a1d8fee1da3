/**
 * What this program is to reach, and how far it got.
 *
 * @module
 */
import { COLD, GO, HOT, NGINX, NODE, ORIGINAL } from "./contestants.ts";
import { of, ratio, type Section, short, table } from "./report.ts";
import {
  added,
  CPU,
  DIRECT,
  FAILED,
  IDLE,
  MANY_PATHS,
  P50,
  P99,
  PEAK,
  SIZE,
  SPEED,
  START,
  UP,
  WORST,
} from "./sections.ts";

/** All that was measured. */
export interface Sections {
  readonly keeping?: Section;
  readonly closing?: Section;
  readonly distant?: Section;
  readonly quiet?: Section;
  readonly storm?: Section;
  readonly limited?: Section;
  readonly crowd?: Section;
  readonly idle?: Section;
  readonly rule?: Section;
}

/** A figure to reach. */
export interface Goal {
  /** What is measured. */
  readonly what: string;
  /** Whether it is to be at most or at least this. */
  readonly limit: readonly ["≤" | "≥", number];
  /** The unit; empty for a ratio. */
  readonly unit: string;
  /** What was found; NaN where it was not measured. */
  readonly found: number;
}

/** Whether a goal was reached. */
export function reached({ limit: [bound, value], found }: Goal): boolean {
  return bound === "≤" ? found <= value : found >= value;
}

/** Holds what was measured to the goals. */
export function goals(sections: Sections): readonly Goal[] {
  const { keeping, closing, quiet, storm, limited, crowd, rule } = sections;
  const goal = (
    what: string,
    bound: "≤" | "≥",
    value: number,
    unit: string,
    found: number,
  ): Goal => ({ what, limit: [bound, value], unit, found });
  const share = (
    what: string,
    [section, one, quantity]: readonly [Section | undefined, string, string],
    bound: "≤" | "≥",
    limits: Readonly<Record<string, number>>,
  ) =>
    Object.entries(limits).map(([other, value]) => {
      const found = ratio(section, one, other, quantity);
      return goal(`${what}, of ${other}`, bound, value, "", found);
    });
  const many = "1,000 connections, every request going up";
  const hot = (how: string, section: Section | undefined) => {
    const what = `From memory, service ${how}`;
    return [
      ...share(`${what}, CPU a request`, [section, HOT, CPU], "≤", {
        [NGINX]: 1,
      }),
      ...share(`${what}, requests/s`, [section, HOT, SPEED], "≥", {
        [NGINX]: 1.2,
      }),
    ];
  };
  const slow = (how: string, one: string) => [
    goal(`${how}, added p50`, "≤", 0.15, "ms", of(quiet, one, added(P50))),
    goal(`${how}, added p99`, "≤", 0.5, "ms", of(quiet, one, added(P99))),
  ];
  return [
    ...hot("closes", closing),
    ...hot("keeps", keeping),
    ...share("Service keeps, requests/s", [keeping, COLD, SPEED], "≥", {
      [NGINX]: 0.65,
      [NODE]: 1.4,
      [GO]: 1.6,
    }),
    ...share("Service closes, CPU a request", [closing, COLD, CPU], "≤", {
      [NGINX]: 2,
      [NODE]: 0.7,
      [ORIGINAL]: 0.5,
      [GO]: 0.7,
    }),
    ...share(
      "1,000 paths in turn, CPU a request",
      [
        closing,
        MANY_PATHS,
        CPU,
      ],
      "≤",
      { [COLD]: 1 },
    ),
    ...slow("10 requests/s, as by default", HOT),
    ...slow("10 requests/s, every one going up", COLD),
    ...share("Boot, worst answer", [storm, HOT, WORST], "≤", { [DIRECT]: 1.2 }),
    ...share(
      "Boot, packets dropped, worst answer",
      [limited, HOT, WORST],
      "≤",
      {
        [DIRECT]: 1.2,
      },
    ),
    goal("Boot, requests that go up", "≤", 33.3, "%", of(storm, HOT, UP)),
    goal(`${many}, failed`, "≤", 0, "", of(crowd, COLD, FAILED)),
    goal(`${many}, p99`, "≤", 300, "ms", of(crowd, COLD, P99)),
    goal(`${many}, peak`, "≤", 160, "MB RSS", of(crowd, COLD, PEAK)),
    goal("Idle, parent and child", "≤", 54, "MB PSS", of(rule, HOT, IDLE)),
    goal("Start to the first answer", "≤", 80, "ms", of(rule, HOT, START)),
    goal("Executable", "≤", 85, "MB", of(rule, HOT, SIZE)),
  ];
}

/** The goals as a table. */
export function goalsReport(all: readonly Goal[]): string {
  return table(
    ["", "goal", "found", "reached"],
    all.map((goal) => {
      const { what, limit: [bound, value], unit, found } = goal;
      return [
        what,
        `${bound} ${value} ${unit}`.trim(),
        short(found),
        Number.isNaN(found) ? "not measured" : reached(goal) ? "yes" : "**no**",
      ];
    }),
  );
}
