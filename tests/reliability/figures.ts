/**
 * The figures in docs/reliability.md: tests measure them in every run, and
 * `FIGURES=FILE` has them written down.
 *
 * @module
 */

/**
 * Writes a figure down, where they are wanted.
 *
 * @param test what was measured
 * @param text what came of it
 */
export function figure(test: string, text: string): void {
  const file = Deno.env.get("FIGURES");
  if (file === undefined) return;
  Deno.writeTextFileSync(file, `${test}: ${text}\n`, { append: true });
}
