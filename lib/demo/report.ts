/**
 * What the demo prints: a table, 100 columns at most, of path, real answer and
 * answer through c2s-imds, and what stands around it.
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
const COLUMNS = 100;

/** Escape sequences of a terminal: bold, and bold green for what changed. */
const PAINT = { heading: "1", changed: "1;32" } as const;

type Paint = (text: string, as: keyof typeof PAINT) => string;

/**
 * Renders the table.
 *
 * @param comparisons the rows, those of one directory together
 * @param colour whether to use colour
 * @returns lines, each with its line feed
 */
export function renderTable(
  comparisons: readonly Comparison[],
  colour: boolean,
): string {
  const paint: Paint = (text, as) =>
    colour ? `\x1b[${PAINT[as]}m${text}\x1b[0m` : text;
  const title = tableLine(
    "path",
    "real (asked directly)",
    "  through c2s-imds",
  );
  const lines = [paint(title, "heading"), "─".repeat(COLUMNS)];
  let directory = "";
  for (const comparison of comparisons) {
    const { question } = comparison;
    if (question.directory !== directory) {
      directory = question.directory;
      lines.push(cutMiddle(directory, COLUMNS));
    }
    lines.push(...rowLines(comparison, paint));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** One question's lines; only the first names the path. */
function rowLines(
  { question, changed, ...answers }: Comparison,
  paint: Paint,
): string[] {
  const real = shown(question, answers.real);
  const through = question.hidden !== undefined && !changed
    ? ["the same to the byte"]
    : shown(question, answers.through);
  const path = `  ${cutMiddle(question.path, WIDTH.path - 2)}`;
  return through.map((text, i) => {
    const isSame = text === real[i];
    // Equal values are cut at the same width, so that they look equal.
    const value = cutMiddle(text, isSame ? WIDTH.real : WIDTH.through);
    const cell = !changed || isSame
      ? `  ${value}`
      : paint(CHANGED, "changed") + " " +
        value.replaceAll(EMULATED_REGION, paint(EMULATED_REGION, "changed"));
    return tableLine(i === 0 ? path : "", real[i] ?? "", cell);
  });
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
 * @param colour whether to use colour
 */
export function renderReport(
  comparisons: readonly Comparison[],
  urls: Urls,
  colour: boolean,
): string {
  const changed = comparisons.filter((it) => it.changed).length;
  const same = comparisons.length - changed;
  const table = renderTable(comparisons, colour);
  return `A simulated instance in ${REAL_REGION}, asked as an SDK asks (IMDSv2, with a token):
directly at ${urls.real}, and through c2s-imds at ${urls.through}.

${table}
${changed} of ${comparisons.length} answers changed (${CHANGED}), the other ${same} are the same to the byte.
`;
}

/** Says what to try while both go on. */
export function renderServing({ real, through }: Urls): string {
  return `Serving until Ctrl-C: the real one at ${real}, c2s-imds at ${through}.
Next: curl ${through}/latest/meta-data/placement/region
`;
}

/** Says what to run when the demo is over. */
export function renderNext(): string {
  const program = Deno.build.standalone
    ? "c2s-imds"
    : `npx --yes deno@${Deno.version.deno} task c2s-imds`;
  return `Next: ${program} demo --keep   (goes on serving, to try with curl)\n`;
}
