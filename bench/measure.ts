/**
 * Measures this program side by side with what could stand in its place.
 *
 * Usage: `deno task bench [--quick] [--executable FILE] [--other FILE]`
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { contestants } from "./contestants.ts";
import { Lab } from "./lab.ts";
import { sectionReport } from "./report.ts";
import { bursts } from "./sections.ts";

const ROOT = new URL("../", import.meta.url).pathname;

function say(message: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${message}\n`));
}
const options = parseArgs(Deno.args, {
  boolean: ["quick"],
  string: ["output", "executable", "other"],
});
const executable = String(options.executable ?? `${ROOT}dist/c2s-imds`);
const plan = options.quick
  ? { rounds: 3, burst: 2_000, warmUp: 8_000 }
  : { rounds: 12, burst: 2_000, warmUp: 10_000 };
await using lab = await Lab.create();
const field = contestants(executable, options.other?.toString());
for (
  const manner of [
    { delay: "100us", kind: "close", connections: 16 },
    { delay: "100us", kind: "keep", connections: 16 },
  ] as const
) {
  say(sectionReport(await bursts(lab, field, plan, manner)));
  say(`${performance.now()}`);
}
