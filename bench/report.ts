/**
 * What was measured as Markdown, beside what is to be reached.
 *
 * @module
 */
import { HOT } from "./contestants.ts";

/** What was measured at one time, by the name of the quantity. */
export type Sample = Readonly<Record<string, number>>;

/** Measurements of several contestants in the same rounds. */
export interface Section {
  /** What was measured. */
  readonly title: string;
  /** How to read it. */
  readonly about: string;
  /** A sample a round, by contestant. */
  readonly rounds: ReadonlyMap<string, readonly Sample[]>;
  /** Quantities that also stand as multiples of {@linkcode Section.base}'s. */
  readonly compared?: readonly string[];
  /** Whose. */
  readonly base?: string;
}

/** Collects samples by contestant, in the order of the first ones. */
export class Samples {
  /** What was collected. */
  readonly rounds = new Map<string, Sample[]>();

  /** Adds one. */
  add(name: string, sample: Sample): void {
    const samples = this.rounds.get(name) ?? [];
    this.rounds.set(name, [...samples, sample]);
  }
}

/** The middle one of some values; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((it) => !Number.isNaN(it)).sort((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? NaN;
  const half = (sorted.length - 1) / 2;
  return (at(Math.floor(half)) + at(Math.ceil(half))) / 2;
}

/** One quantity of one contestant, a value a round. */
function valuesOf(
  { rounds }: Section,
  contestant: string,
  quantity: string,
): readonly number[] {
  return (rounds.get(contestant) ?? []).map((it) => it[quantity] ?? NaN);
}

/** The median of a quantity. */
export function of(
  section: Section | undefined,
  contestant: string,
  quantity: string,
): number {
  return section ? median(valuesOf(section, contestant, quantity)) : NaN;
}

/** The median of what one has of another's, round by round. */
export function ratio(
  section: Section | undefined,
  one: string,
  other: string,
  quantity: string,
): number {
  if (section === undefined) return NaN;
  const others = valuesOf(section, other, quantity);
  return median(
    valuesOf(section, one, quantity).map((it, i) => it / (others[i] ?? NaN)),
  );
}

/** A number with about three digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A table of Markdown. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, i) => i === 0 ? "---" : "---:");
  return [line(head), line(rule), ...rows.map(line)].join("\n") + "\n";
}

/** A section: the medians of all its quantities, and the multiples. */
export function sectionReport(section: Section): string {
  const { title, about, rounds, compared = [], base = "" } = section;
  const quantities = [
    ...new Set([...rounds.values()].flat().flatMap(Object.keys)),
  ];
  const head = quantities.flatMap((it) =>
    compared.includes(it) ? [it, "×"] : [it]
  );
  const rows = [...rounds.keys()].map((name) => [
    name.startsWith(HOT) ? `**${name}**` : name,
    ...quantities.flatMap((it) => [
      short(of(section, name, it)),
      ...(compared.includes(it) ? [short(ratio(section, name, base, it))] : []),
    ]),
  ]);
  return `## ${title}\n\n${about}\n\n${table(["", ...head], rows)}`;
}
