/**
 * `deno task soak`: minutes of load and faults, with a report.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { installProgram } from "../helpers/installed.ts";
import { BACKENDS } from "../helpers/node.ts";
import { report } from "./report.ts";
import { SHARES, type Soak, soak } from "./soak.ts";

const OUTPUT = new URL("../../bench/results/soak-chaos.md", import.meta.url);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const flags = parseArgs(Deno.args, { string: ["seconds", "seed"] });
const seconds = Number(flags.seconds ?? 600);
const seed = Number(flags.seed ?? Date.now() % 65_536);
const line = `deno task soak --seconds ${seconds} --seed ${seed}`;
say(line);
const soaks: Soak[] = [];
{
  await using installed = await installProgram();
  for (const backend of BACKENDS) {
    soaks.push(
      await soak(installed, {
        backend,
        seconds: Math.round(seconds * SHARES[backend]),
        seed,
        tell: (event) => say(`${backend} ${event}`),
      }),
    );
  }
}
const text = await report(soaks, line);
await Deno.writeTextFile(OUTPUT, text);
say(`\n${text}`);
Deno.exitCode = soaks.some(({ problems }) => problems.length > 0) ? 1 : 0;
