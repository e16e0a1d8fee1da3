/**
 * Measures this program side by side with what could stand in its place.
 *
 * Usage: `deno task bench [--quick] [--only SECTION,…] [--executable FILE]
 * [--other FILE]`
 *
 * A whole run writes its tables to `bench/results/results.md` and the goals to
 * `docs/performance.md`; `--quick` and `--only`, which takes names of
 * {@linkcode Sections}, only print. `--other` is an executable to compare with.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { plainRunner, succeed } from "../tests/helpers/plain_runner.ts";
import { COLD, contestants, GO, HOT, NGINX, NODE } from "./contestants.ts";
import { bootStorm, crowd, manyIdle, withRule } from "./extremes.ts";
import { goals, goalsReport, type Sections } from "./goals.ts";
import { Lab } from "./lab.ts";
import { type Section, sectionReport } from "./report.ts";
import { bursts, type Field, type Plan, quietNode } from "./sections.ts";

const FULL: Plan = {
  rounds: 6,
  burst: 2_000,
  warmUp: 10_000,
  repeats: 4,
  seconds: 25,
};

const QUICK: Plan = {
  rounds: 3,
  burst: 2_000,
  warmUp: 6_000,
  repeats: 1,
  seconds: 5,
};

/** What `--quick` measures: what a change moves most. */
const SHORT = ["closing", "keeping", "quiet", "storm", "crowd", "rule"];

const ROOT = new URL("../", import.meta.url).pathname;

function say(message: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${message}\n`));
}

/** What the numbers hold for. */
async function circumstances(executable: string): Promise<string> {
  const said = await Promise.all([
    [executable, "--version"] as const,
    ["nginx", "-v"] as const,
    ["node", "--version"] as const,
    ["go", "version"] as const,
  ].map(async (argv) => {
    const result = await plainRunner(argv);
    if (typeof result === "string") throw new Error(`${argv[0]}: ${result}`);
    const [line = ""] = (result.stdout + result.stderr).split("\n");
    return argv[0] === "node" ? `Node ${line}` : line;
  }));
  const { total } = Deno.systemMemoryInfo();
  const machine = `${navigator.hardwareConcurrency} processors, ${
    Math.round(total / 1e9)
  } GB of memory, Linux ${Deno.osRelease()}, load before the run ${
    Deno.loadavg()[0]?.toFixed(1)
  }`;
  return [machine, ...said].map((it) => `- ${it}\n`).join("");
}

const options = parseArgs(Deno.args, {
  boolean: ["quick"],
  string: ["only", "executable", "other"],
});
const executable = String(options.executable ?? `${ROOT}dist/c2s-imds`);
const other = options.other?.toString();
const plan = options.quick ? QUICK : FULL;
const about = await circumstances(executable);
const all = contestants(executable, other);
const some = (...names: string[]): Field =>
  new Map(
    [...all].filter(([name]) =>
      names.some((it) => name === it || name.startsWith(`${it}, the other`))
    ),
  );
const own = new Map([[HOT, executable]]);
if (other !== undefined) own.set(`${HOT}, the other`, other);

await using lab = await Lab.create("reverse_proxy.go");
// Conntrack, which the rule needs, would stay for the other sections.
await using node = await Lab.create();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    for (const it of [lab, node]) await it[Symbol.asyncDispose]();
    Deno.exit(1);
  });
}
const near = { delay: "100us", connections: 16 };
const measures: Record<keyof Sections, () => Promise<Section>> = {
  closing: () => bursts(lab, all, plan, { ...near, kind: "close" }),
  keeping: () => bursts(lab, all, plan, { ...near, kind: "keep" }),
  distant: () =>
    bursts(lab, all, plan, { delay: "1ms", connections: 64, kind: "close" }),
  quiet: () => quietNode(lab, all, plan),
  storm: () => bootStorm(lab, some(HOT, COLD, NGINX), plan, false),
  limited: () => bootStorm(lab, some(HOT, COLD, NGINX), plan, true),
  crowd: () => crowd(lab, some(COLD, NGINX, NODE, GO), plan),
  idle: () => manyIdle(lab, some(HOT, NGINX, NODE, GO)),
  rule: () => withRule(node, own, plan),
};
const only = options.only?.toString().split(",") ??
  (options.quick ? SHORT : undefined);
const sections: Partial<Record<keyof Sections, Section>> = {};
for (const [name, measure] of Object.entries(measures)) {
  if (only !== undefined && !only.includes(name)) continue;
  say(`${(performance.now() / 1e3).toFixed(0)} s: ${name}`);
  sections[name as keyof Sections] = await measure();
}
const found = goalsReport(goals(sections));
const tables = Object.values(sections).map(sectionReport).join("\n");
say(`\n${found}\n${tables}`);
if (only === undefined) {
  await Deno.writeTextFile(
    `${ROOT}bench/results/results.md`,
    `# Results

Made by \`deno task bench\` in ${(performance.now() / 1e3).toFixed(0)} s;
[performance](../../docs/performance.md) says how to read them. Medians; ×, too,
is the median over the rounds.

${about}
${tables}`,
  );
  // Its one table is that of the goals.
  const page = `${ROOT}docs/performance.md`;
  const text = await Deno.readTextFile(page);
  await Deno.writeTextFile(page, text.replace(/(?:^\|.*\n)+/m, found));
  await succeed([Deno.execPath(), "fmt", "--quiet", page]);
}
