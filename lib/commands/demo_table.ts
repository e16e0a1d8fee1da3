/**
 * The demo's table, 100 columns at most: path, real answer, answer through
 * c2s-imds.
 *
 * @module
 */
import { oneLine } from "../config/usage_error.ts";
import type { MetadataAnswer } from "../system/metadata_client.ts";
import type { Comparison } from "./demo_comparison.ts";
import type { View } from "./demo_questions.ts";

/** Stands before what changed, so that it shows without colour. */
export const CHANGED = "→";

/** Stands before what is not as it must be. */
export const WRONG = "!";

/** The columns' widths; with two spaces between them and the mark, 100. */
const WIDTH = { path: 32, real: 29, through: 33 } as const;
const GAP = "  ";
const INDENT = "  ";
const COLUMNS = 100;

/** How the table is shown. */
export interface TableStyle {
  /** The region to pick out in what changed. */
  readonly emulated: string;
  /** Whether to use colour. */
  readonly colour: boolean;
}

/** Escape sequences of a terminal, by what they are for. */
const PAINT = { heading: "1", changed: "1;32", wrong: "1;31" } as const;

type Paint = (text: string, as: keyof typeof PAINT) => string;

/**
 * Renders the table.
 *
 * @param comparisons the rows, those of one directory together
 * @param style how to show it
 * @returns lines, each with its line feed
 */
export function renderTable(
  comparisons: readonly Comparison[],
  { emulated, colour }: TableStyle,
): string {
  const paint: Paint = (text, as) =>
    colour ? `\x1b[${PAINT[as]}m${text}\x1b[0m` : text;
  const title = tableLine(
    "path",
    "real (asked directly)",
    " ",
    "through c2s-imds",
  );
  const lines = [paint(title, "heading"), "─".repeat(COLUMNS)];
  let directory = "";
  for (const comparison of comparisons) {
    const { question } = comparison;
    if (question.directory !== directory) {
      directory = question.directory;
      lines.push(cut(directory, COLUMNS));
    }
    lines.push(...rowLines(comparison, emulated, paint));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** One question's lines; only the first names the path. */
function rowLines(
  comparison: Comparison,
  emulated: string,
  paint: Paint,
): string[] {
  const { question, asExpected } = comparison;
  const real = shown(question.view, comparison.real);
  const through = question.view.kind === "size" && !comparison.changed
    ? ["the same to the byte"]
    : shown(question.view, comparison.through);
  const path = INDENT + cut(question.path, WIDTH.path - INDENT.length);
  return through.map((text, i) => {
    // What is the same shall look the same.
    const value = cut(text, text === real[i] ? WIDTH.real : WIDTH.through);
    const [mark, cell] = !asExpected
      ? [paint(WRONG, "wrong"), paint(value, "wrong")]
      : comparison.changed && text !== real[i]
      ? [
        paint(CHANGED, "changed"),
        pickOut(value, emulated, (part) => paint(part, "changed")),
      ]
      : [" ", value];
    return tableLine(i === 0 ? path : "", real[i] ?? "", mark, cell);
  });
}

function tableLine(
  path: string,
  real: string,
  mark: string,
  through: string,
): string {
  return [
    path.padEnd(WIDTH.path),
    cut(real, WIDTH.real).padEnd(WIDTH.real),
    `${mark} ${through}`,
  ].join(GAP);
}

function pickOut(
  value: string,
  region: string,
  paint: (part: string) => string,
): string {
  // A long name may have been cut.
  return value.includes(region)
    ? value.replaceAll(region, () => paint(region))
    : paint(value);
}

function shown(view: View, { status, body }: MetadataAnswer): string[] {
  if (status !== 200) return [`status ${status}`];
  const text = new TextDecoder().decode(body);
  switch (view.kind) {
    case "text":
      return [oneLine(text.trim().replaceAll("\n", ", "))];
    case "fields":
      return view.names.map((name) => oneLine(`${name}: ${field(text, name)}`));
    case "size":
      return [`${view.what}, ${body.length} bytes`];
  }
}

function field(json: string, name: string): string {
  try {
    return String(JSON.parse(json)[name]);
  } catch {
    return "not JSON";
  }
}

/**
 * Cuts the middle out of a text that is too long, where the least is lost:
 * names differ at their beginning and end.
 *
 * @param text one line
 * @param width the most characters to leave, `…` included
 */
export function cut(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  const tail = width - 1 - head;
  return [
    ...characters.slice(0, head),
    "…",
    ...characters.slice(characters.length - tail),
  ].join("");
}
