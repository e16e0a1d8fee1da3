/**
 * `deno task soak`: ten minutes of load and faults on each backend, with a
 * report; with `--seconds N` fewer or more, and with `--seed S` the same ones
 * again.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { installProgram } from "../helpers/installed.ts";
import { BACKENDS } from "../helpers/node.ts";
import { soak } from "./soak.ts";

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const flags = parseArgs(Deno.args, { string: ["seconds", "seed"] });
const seconds = Number(flags.seconds ?? 600);
const seed = Number(flags.seed ?? Date.now() % 65_536);
if (!Number.isInteger(seconds) || !Number.isInteger(seed)) {
  throw new Error("Cannot soak: --seconds and --seed take whole numbers");
}
say(`deno task soak --seconds ${seconds} --seed ${seed}`);
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interrupted.abort());
}
const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
try {
  const installed = await installProgram(folder);
  for (const backend of BACKENDS) {
    if (interrupted.signal.aborted) break;
    const { lines, problems } = await soak(installed, {
      ...{ backend, seconds, seed, signal: interrupted.signal },
      tell: (event) => say(`${backend} ${event}`),
    });
    say("");
    for (const line of lines) say(line);
    for (const problem of problems) say(`Wrong: ${problem}`);
    if (problems.length > 0) Deno.exitCode = 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
// Listeners of signals would keep it alive.
Deno.exit();
