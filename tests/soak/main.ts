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

/** As long as each backend of the report that is kept must have had. */
const FULL_SECONDS = 600;

const OUTPUT = new URL("../../bench/results/soak-chaos.md", import.meta.url);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const flags = parseArgs(Deno.args, { string: ["seconds", "seed"] });
const seconds = Number(flags.seconds ?? FULL_SECONDS);
const seed = Number(flags.seed ?? Date.now() % 65_536);
if (!Number.isInteger(seconds) || !Number.isInteger(seed)) {
  throw new Error("Cannot soak: --seconds and --seed take whole numbers");
}
const line = `deno task soak --seconds ${seconds} --seed ${seed}`;
say(line);
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interrupted.abort());
}
const report = ["# Soak and chaos", "", `\`${line}\``];
const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
try {
  const installed = await installProgram(folder);
  for (const backend of BACKENDS) {
    if (interrupted.signal.aborted) break;
    const { lines: [heading, ...lines], problems } = await soak(installed, {
      backend,
      seconds,
      seed,
      tell: (event) => say(`${backend} ${event}`),
      signal: interrupted.signal,
    });
    report.push("", `## ${heading}`, "", ...lines.map((it) => `- ${it}`), "");
    report.push(...problems.map((it) => `**Wrong:** ${it}\n`));
    if (problems.length > 0) Deno.exitCode = 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
const text = `${report.join("\n").trim()}\n`;
if (seconds >= FULL_SECONDS && !interrupted.signal.aborted) {
  await Deno.writeTextFile(OUTPUT, text);
}
say(`\n${text}`);
// Listeners of signals would keep it alive.
Deno.exit();
