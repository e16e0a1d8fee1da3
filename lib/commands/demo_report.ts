/**
 * What the demo says around its table.
 *
 * @module
 */
import { quote } from "../config/usage_error.ts";
import type { Comparison, RegionPair, Urls } from "./demo_comparison.ts";
import { CHANGED, renderTable } from "./demo_table.ts";

/** What is told of. */
export interface Report {
  /** The rows of the table. */
  readonly comparisons: readonly Comparison[];
  /** Where both were asked. */
  readonly urls: Urls;
  /** What had to change. */
  readonly regions: RegionPair;
}

/**
 * Says what was asked, shows the answers, and counts them.
 *
 * @param report what to tell of
 * @param colour whether to use colour
 */
export function renderReport(
  { comparisons, urls, regions }: Report,
  colour: boolean,
): string {
  const changed = comparisons.filter((it) => it.changed).length;
  const same = comparisons.length - changed;
  const table = renderTable(comparisons, {
    emulated: regions.emulated,
    colour,
  });
  return `A simulated instance in ${regions.real}, asked as an SDK asks (IMDSv2, with a token):
directly at ${urls.real}, and through c2s-imds at ${urls.through}.

${table}
${changed} of ${comparisons.length} answers changed (${CHANGED}), the other ${same} are the same to the byte.
`;
}

/**
 * Names the answers that are not as they must be.
 *
 * @param wrong their comparisons
 */
export function unexpectedAnswers(wrong: readonly Comparison[]): Error {
  const paths = wrong.map(({ question }) =>
    quote(question.directory + question.path)
  );
  return new Error(
    `Cannot confirm the rewriting: unexpected answer to ${paths.join(", ")}`,
  );
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
