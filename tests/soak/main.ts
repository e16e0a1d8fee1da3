/**
 * `deno task soak`: ten minutes of load and faults on each backend, with a
 * report; with `--seconds N` fewer or more, and with `--seed S` the same ones
 * again.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { systemRunner } from "../../lib/system/runner.ts";
import { installProgram } from "../helpers/installed.ts";
import { BACKENDS } from "../helpers/node.ts";
import { report } from "./report.ts";
import { type Soak, soak } from "./soak.ts";

/** As long as each backend of the report that is kept must have had. */
const FULL_SECONDS = 600;

const OUTPUT = new URL("../../bench/results/soak-chaos.md", import.meta.url);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function wholeNumber(name: "seconds" | "seed", fallback: number): number {
  const text = String(flags[name] ?? fallback);
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`Cannot soak with --${name} "${text}": expected a number`);
}

const flags = parseArgs(Deno.args, { string: ["seconds", "seed"] });
const seconds = wholeNumber("seconds", FULL_SECONDS);
const seed = wholeNumber("seed", Date.now() % 65_536);
const line = `deno task soak --seconds ${seconds} --seed ${seed}`;
say(line);
const head = await systemRunner(["git", "rev-parse", "--short=12", "HEAD"]);
const commit = typeof head === "string" ? undefined : head.stdout.trim();
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    say(`${signal}: ends after the fault of this moment`);
    interrupted.abort();
  });
}
const soaks: Soak[] = [];
const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
try {
  const installed = await installProgram(folder);
  for (const backend of BACKENDS) {
    if (interrupted.signal.aborted) break;
    soaks.push(
      await soak(installed, {
        backend,
        seconds,
        seed,
        tell: (event) => say(`${backend} ${event}`),
        signal: interrupted.signal,
      }),
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
const text = report(soaks, { line, commit });
if (seconds >= FULL_SECONDS && !interrupted.signal.aborted) {
  await Deno.writeTextFile(OUTPUT, text);
}
say(`\n${text}`);
Deno.exitCode = soaks.some(({ problems }) => problems.length > 0) ? 1 : 0;
