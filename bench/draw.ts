/**
 * Pictures of Vega-Lite specifications, by `chart/`, which has the plotting
 * library.
 *
 * @module
 */

/**
 * Draws a picture.
 *
 * @param specification the Vega-Lite specification
 * @param file where it goes
 * @throws {Error} when the plotting library cannot be had
 */
export async function drawSpecification(
  specification: unknown,
  file: string,
): Promise<void> {
  const home = new URL("chart/", import.meta.url).pathname;
  const drawing = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      `--config=${home}deno.json`,
      "--allow-env",
      "--allow-read",
      `${home}chart.ts`,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = new Blob([JSON.stringify(specification)]);
  const [{ success, stdout, stderr }] = await Promise.all([
    drawing.output(),
    input.stream().pipeTo(drawing.stdin).catch(() => {}),
  ]);
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim().split("\n").pop();
    throw new Error(`Cannot draw ${file}: ${said}`);
  }
  await Deno.writeFile(file, stdout);
}
