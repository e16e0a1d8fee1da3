/**
 * What the demo prints: path, real answer and answer through c2s-imds, side by
 * side in 100 columns, one below the other where there are fewer, and what
 * stands around it.
 *
 * @module
 */
import { EMULATED_REGION, REAL_REGION } from "../config/serve_options.ts";
import { cutMiddle, oneLine } from "../cli/message.ts";
import type { MetadataAnswer } from "../proxy/metadata_client.ts";
import type { Comparison, Question, Urls } from "./comparison.ts";

/** Stands before what changed, so that it shows without colour. */
const CHANGED = "→";

/** The columns' widths; with two spaces between them and the mark, 100. */
const WIDTH = { path: 32, real: 29, through: 33 } as const;

/** Wider terminals get no more. */
export const MOST_COLUMNS = 100;

/** What it is shown on. */
export interface Page {
  /** Whether to use colour. */
  readonly colour: boolean;
  /** How wide it is. */
  readonly columns: number;
}

/** Escape sequences of a terminal: bold, and bold green for what changed. */
const PAINT = { heading: "1", changed: "1;32" } as const;

type Paint = (text: string, as: keyof typeof PAINT) => string;

/**
 * Renders the table, or the same in blocks where it does not fit.
 *
 * @param comparisons the rows, those of one directory together
 * @param page what it is shown on
 * @returns lines, each with its line feed
 */
export function renderTable(
  comparisons: readonly Comparison[],
  { colour, columns }: Page,
): string {
  const paint: Paint = (text, as) =>
    colour ? `\x1b[${PAINT[as]}m${text}\x1b[0m` : text;
  const isWide = columns >= MOST_COLUMNS;
  const width = isWide ? MOST_COLUMNS : columns;
  const title = isWide
    ? tableLine("path", "real (asked directly)", "  through c2s-imds")
    : `path, real answer, ${CHANGED} through c2s-imds`;
  const lines = [paint(title, "heading"), "─".repeat(width)];
  let directory = "";
  for (const comparison of comparisons) {
    const { question } = comparison;
    if (question.directory !== directory) {
      directory = question.directory;
      lines.push(cutMiddle(directory, width));
    }
    lines.push(
      ...isWide
        ? rowLines(comparison, paint)
        : blockLines(comparison, paint, width),
    );
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** One question's lines; only the first names the path. */
function rowLines(comparison: Comparison, paint: Paint): string[] {
  const { question, changed } = comparison;
  const { real, through } = values(comparison);
  const path = `  ${cutMiddle(question.path, WIDTH.path - 2)}`;
  return through.map((text, i) => {
    const isSame = text === real[i];
    // Equal values are cut at the same width, so that they look equal.
    const value = cutMiddle(text, isSame ? WIDTH.real : WIDTH.through);
    const cell = !changed || isSame ? `  ${value}` : changedCell(value, paint);
    return tableLine(i === 0 ? path : "", real[i] ?? "", cell);
  });
}

/** The same one below the other; what did not change stands there once. */
function blockLines(
  comparison: Comparison,
  paint: Paint,
  width: number,
): string[] {
  const { real, through } = values(comparison);
  const fit = (text: string, indent: number) => cutMiddle(text, width - indent);
  return [
    `  ${fit(comparison.question.path, 2)}`,
    ...real.flatMap((text, i) => {
      const line = `      ${fit(text, 6)}`;
      const shown = through[i] ?? "";
      return !comparison.changed || shown === text
        ? [line]
        : [line, `    ${changedCell(fit(shown, 6), paint)}`];
    }),
  ];
}

function changedCell(value: string, paint: Paint): string {
  return paint(CHANGED, "changed") + " " +
    value.replaceAll(EMULATED_REGION, paint(EMULATED_REGION, "changed"));
}

/** The lines of both answers. */
function values({ question, changed, ...answers }: Comparison) {
  const real = shown(question, answers.real);
  const through = question.hidden !== undefined && !changed
    ? ["the same to the byte"]
    : shown(question, answers.through);
  return { real, through };
}

function tableLine(path: string, real: string, through: string): string {
  return [
    path.padEnd(WIDTH.path),
    cutMiddle(real, WIDTH.real).padEnd(WIDTH.real),
    through,
  ].join("  ");
}

function shown(
  { fields, hidden }: Question,
  { status, body }: MetadataAnswer,
): string[] {
  if (status !== 200) return [`status ${status}`];
  if (hidden !== undefined) return [`${hidden}, ${body.length} bytes`];
  const text = new TextDecoder().decode(body);
  return fields === undefined
    ? [oneLine(text.trim().replaceAll("\n", ", "))]
    : fields.map((name) => oneLine(`${name}: ${JSON.parse(text)[name]}`));
}

/**
 * Says what was asked, shows the answers, and counts them.
 *
 * @param comparisons the rows of the table
 * @param urls where both were asked
 * @param page what it is shown on
 */
export function renderReport(
  comparisons: readonly Comparison[],
  urls: Urls,
  page: Page,
): string {
  const changed = comparisons.filter((it) => it.changed).length;
  const same = comparisons.length - changed;
  const intro =
    `A simulated instance in ${REAL_REGION}, asked as an SDK asks (IMDSv2, with a token):
directly at ${urls.real}, and through c2s-imds at ${urls.through}.`;
  const end =
    `${changed} of ${comparisons.length} answers changed (${CHANGED}), the other ${same} are the same to the byte.`;
  return `${wrap(intro, page)}\n${renderTable(comparisons, page)}\n${
    wrap(end, page)
  }`;
}

/** Says what to try while both go on. */
export function renderServing({ real, through }: Urls, page: Page): string {
  return wrap(
    `Serving until Ctrl-C: the real one at ${real}, c2s-imds at ${through}.
Next: curl ${through}/latest/meta-data/placement/region`,
    page,
  );
}

/** Says what to run when the demo is over. */
export function renderNext(page: Page): string {
  const program = Deno.build.standalone
    ? "c2s-imds"
    : `npx --yes deno@${Deno.version.deno} task c2s-imds`;
  return wrap(
    `Next: ${program} demo --keep   (goes on serving, to try with curl)`,
    page,
  );
}

/** Breaks lines that are too long, between words. */
function wrap(text: string, { columns }: Page): string {
  const line = new RegExp(`(\\S.{0,${columns - 1}})(?:\\s+|$)`, "gm");
  return text.replaceAll(line, "$1\n");
}
