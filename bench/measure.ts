/**
 * Measures this program side by side with what could stand in its place, and
 * what it costs as connections grow; writes tables to `bench/results/results.md`.
 *
 * Usage: `deno task bench [--quick] [--executable FILE] [--output FOLDER]`
 *
 * `--quick` takes less than a minute, measures each thing once and writes to a
 * new folder.
 *
 * Everything is on loopback. It needs nginx and wrk, and `dist/c2s-imds` from
 * `deno task compile`; other contestants are left out where their programs are
 * missing. Run it as root to see the parent and the child of production.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { contestants, versions } from "./contestants.ts";
import { identity, writeDocument } from "./documents.ts";
import { type Goal, goals } from "./goals.ts";
import { type Growth, type GrowthPlan, measureGrowth } from "./growth.ts";
import { nginxUpstream } from "./nginx.ts";
import {
  endWithUs,
  freePort,
  isInstalled,
  startAnswering,
} from "./processes.ts";
import { race, type RacePlan, type RaceResults } from "./race.ts";
import { goalsReport, growthReport, raceReport } from "./report.ts";

const FULL: { readonly race: RacePlan; readonly growth: GrowthPlan } = {
  race: {
    rounds: 5,
    starts: 5,
    loads: [
      { connections: 1, seconds: 1.5 },
      { connections: 16, seconds: 2 },
      { connections: 64, seconds: 1 },
    ],
  },
  growth: {
    connections: [1, 4, 16, 64, 256, 1_000],
    seconds: 2,
  },
};

const QUICK: typeof FULL = {
  race: {
    rounds: 1,
    starts: 1,
    loads: [
      { connections: 1, seconds: 1 },
      { connections: 16, seconds: 1 },
    ],
  },
  growth: {
    connections: [1_000],
    seconds: 1,
  },
};

const ROOT = new URL("../", import.meta.url).pathname;

function say(message: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${message}\n`));
}

/** What the numbers hold for. */
async function circumstances(executable: string): Promise<string> {
  const { total } = Deno.systemMemoryInfo();
  const machine = `${navigator.hardwareConcurrency} processors, ${
    Math.round(total / 1e9)
  } GB of memory, ${Deno.build.os} ${Deno.osRelease()}, load before the run ${
    Deno.loadavg()[0]?.toFixed(1)
  }`;
  const lines = [machine, ...await versions(executable)];
  return lines.map((it) => `- ${it.replace(executable, "c2s-imds")}\n`)
    .join("");
}

function report(
  about: string,
  results: RaceResults,
  reachedGoals: readonly Goal[],
  growth: readonly Growth[],
): string {
  return `# Results

Made by \`deno task bench\`; [performance](../../docs/performance.md) says how to
read them. Only ratios within this run mean anything: medians over the rounds,
with the least and the greatest.

${about}- The identity document, 600 bytes, in ${
    Math.round(performance.now() / 1_000)
  } s

## Goals

${goalsReport(reachedGoals)}
## Side by side

${raceReport(results)}
## As connections grow

${growthReport(growth)}`;
}

const options = parseArgs(Deno.args, {
  boolean: ["quick"],
  string: ["output", "executable"],
});
const executable = String(
  options.executable ?? `${ROOT}dist/c2s-imds`,
);
for (const program of [executable, "nginx", "wrk"]) {
  if (isInstalled(program)) continue;
  say(`Cannot measure without ${program}`);
  Deno.exit(1);
}
endWithUs();
// A proxy of this machine's environment is no part of what is measured.
Deno.env.set("NO_PROXY", "127.0.0.1");
const plan = options.quick ? QUICK : FULL;
const folder = Deno.makeTempDirSync({ prefix: "c2s-imds-bench-" });
try {
  // The workers of nginx run as another user.
  Deno.chmodSync(folder, 0o755);
  writeDocument(folder, identity);
  const port = freePort();
  const started = await startAnswering(
    nginxUpstream(`${folder}/upstream`, port, folder),
    port,
    identity.target,
  );
  await using _upstream = started.program;
  const about = await circumstances(executable);
  const output = String(
    options.output ??
      (options.quick
        ? Deno.makeTempDirSync({ prefix: "c2s-imds-results-" })
        : `${ROOT}bench/results`),
  );
  const all = contestants(executable);
  const results = await race(all, port, folder, plan.race, say);
  const growth = await measureGrowth(executable, port, plan.growth, say);
  const toReach = goals(results, growth);
  Deno.writeTextFileSync(
    `${output}/results.md`,
    report(about, results, toReach, growth),
  );
  say(goalsReport(toReach));
  say(`written to ${output}`);
} finally {
  Deno.removeSync(folder, { recursive: true });
}
