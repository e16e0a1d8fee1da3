/**
 * Sums up a profile of V8: where time went, by function, without its callees
 * and with them, how much of it is this program's own and what it asks Deno
 * for, and as a flame graph.
 *
 * Usage, with load on the proxy between its start and its end:
 * `deno run --cpu-prof --cpu-prof-name=hot.cpuprofile -P=program main.ts serve`,
 * then `deno run -A bench/profile.ts hot.cpuprofile [ROWS [PICTURE.svg TITLE]]`
 *
 * @module
 */
import { type Call, isOurs, readProfile } from "./cpu_profile.ts";
import { drawSpecification } from "./draw.ts";
import { flameGraph } from "./flame.ts";

/** Less of the time is not worth a line. */
const LEAST = 0.005;

const [file = "", rows = "25", picture, title = ""] = Deno.args;
const root = readProfile(file);
const own = new Map<string, number>();
const total = new Map<string, number>();

/** What is called from `lib/` and is not of it, with what is below and not. */
const asked = new Map<string, number>();

function increase(times: Map<string, number>, name: string, by: number): void {
  times.set(name, (times.get(name) ?? 0) + by);
}

function add(call: Call, callers: ReadonlySet<string>): void {
  const { name, time } = call;
  increase(own, name, call.own);
  // Where a function calls itself, its time counts once.
  if (!callers.has(name)) increase(total, name, time);
  const inside = new Set([...callers, name]);
  for (const below of call.calls) {
    add(below, inside);
    if (isOurs(name) && !isOurs(below.name)) {
      increase(asked, below.name, foreignTime(below));
    }
  }
}

function print(title: string, times: ReadonlyMap<string, number>): void {
  const lines = [...times]
    .filter(([name, time]) => name !== root.name && time / root.time >= LEAST)
    .sort((a, b) => b[1] - a[1]).slice(0, Number(rows))
    .map(([name, time]) =>
      `${(time / root.time * 100).toFixed(1).padStart(5)} % ${name}`
    );
  const text = [`${title}, of the time in JavaScript`, ...lines, "", ""];
  Deno.stdout.writeSync(new TextEncoder().encode(text.join("\n")));
}

function foreignTime({ own, calls }: Call): number {
  const below = calls.filter(({ name }) => !isOurs(name)).map(foreignTime);
  return sum(below) + own;
}

function sum(times: Iterable<number>): number {
  return [...times].reduce((sum, time) => sum + time, 0);
}

add(root, new Set());
const ours = sum(
  [...own].filter(([name]) => isOurs(name)).map(([, time]) => time),
);
print(
  "By whom",
  new Map([
    ["c2s-imds itself", ours],
    ["what it asks Deno for", sum(asked.values())],
    ["Deno and V8 besides", root.time - ours - sum(asked.values())],
  ]),
);
print("What it asks Deno for", asked);
print("By itself", own);
print("With what it calls", total);
if (picture !== undefined) {
  await drawSpecification(flameGraph(root, title), picture);
}
