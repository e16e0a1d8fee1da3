/**
 * What a soak showed, as Markdown.
 *
 * @module
 */
import type { Explained, What } from "./attribution.ts";
import { type Course, middle } from "./memory.ts";
import type { Soak } from "./soak.ts";

/** What clients can meet, as columns: the last has all that is left. */
const KINDS: readonly (readonly [string, (what: What) => boolean])[] = [
  ["real region", (what) => what === "real"],
  ["refused", (what) => what === "refused"],
  ["lost", (what) => what === "lost"],
  ["late", (what) => what === "late"],
  ["401", (what) => what === "status 401"],
  ["502, 504", (what) => what === "status 502" || what === "status 504"],
  ["runs failed", (what) => what === "failed"],
];
const COLUMNS: typeof KINDS = [
  ...KINDS,
  ["other", (what) => KINDS.every(([, is]) => !is(what))],
];

/** How soaks were started. */
export interface Start {
  /** The command. */
  readonly line: string;
  /** The commit that was installed, where git tells. */
  readonly commit: string | undefined;
}

/**
 * Writes the report.
 *
 * @param soaks what was done
 */
export function report(
  soaks: readonly Soak[],
  { line, commit }: Start,
): string {
  return [
    "# Soak and chaos",
    "",
    `- \`${line}\``,
    `- ${navigator.hardwareConcurrency} processors, ${Deno.build.os} ${Deno.osRelease()}, Deno ${Deno.version.deno}, load ${
      Deno.loadavg()[0]?.toFixed(1)
    } at the end`,
    ...commit === undefined ? [] : [`- commit ${commit}`],
    ...soaks.flatMap(section),
    "",
  ].join("\n");
}

function section(soak: Soak): string[] {
  const { options: { backend, seconds, seed }, attribution, well } = soak;
  const { explained, unexplained } = attribution;
  const faults = Map.groupBy(explained, ({ fault }) => fault.name);
  return [
    "",
    `## ${backend}, ${seconds} s, seed ${seed}`,
    "",
    `${soak.events.length} faults. What they did to clients, each failure within the time of its fault:`,
    "",
    row(
      ...["fault", "times", "repaired in ms, median / most"],
      ...COLUMNS.map(([name]) => name),
    ),
    `| --- |${" ---: |".repeat(COLUMNS.length + 2)}`,
    ...[...faults].toSorted().map(([name, some]) => faultRow(name, some, soak)),
    row(
      ...["no fault: must be nothing", "", ""],
      ...COLUMNS.map(([, is]) =>
        String(unexplained.filter(({ what }) => is(what)).length)
      ),
    ),
    "",
    `Of the answers with the real region, ${
      explained.flatMap(({ fault, failures }) =>
        failures.filter(({ what, at }) => what === "real" && at > fault.to)
      ).length
    } came after the repair, on connections from before it.`,
    "",
    row("client", "answered as it must be"),
    "| --- | ---: |",
    ...Object.entries(well).toSorted().map(([name, count]) =>
      row(name, count.toLocaleString("en"))
    ),
    "",
    row(
      ...["process", "watched for s after warm-up"],
      ...["first quarter, MB of its own", "last quarter, MB of its own"],
      "most, MB RSS",
    ),
    "| --- | ---: | ---: | ---: | ---: |",
    courseRow("parent", soak.parent),
    courseRow("the last child", soak.child),
    "",
    ...soak.problems.length === 0
      ? ["Nothing else was wrong: descriptors, tables and processes as before."]
      : ["What was wrong:", "", ...soak.problems.map((it) => `- ${it}`)],
  ];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function faultRow(
  name: string,
  some: readonly Explained[],
  { events }: Soak,
): string {
  const repairs = events.filter((event) => event.name === name)
    .flatMap(({ repairMs }) => repairMs ?? []);
  const failures = some.flatMap((it) => it.failures);
  return row(
    name,
    String(some.length),
    repairs.length === 0 ? "" : `${middle(repairs)} / ${Math.max(...repairs)}`,
    ...COLUMNS.map(([, is]) =>
      String(failures.filter(({ what }) => is(what)).length)
    ),
  );
}

function courseRow(name: string, course: Course): string {
  const { seconds, first, last, peak } = course;
  const sizes = [first, last, peak].map((it) => it.toFixed(1));
  return row(name, String(seconds), ...sizes);
}
