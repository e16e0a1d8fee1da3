/**
 * Sums up a profile of V8: where time went, by function, without its callees
 * and with them, and as a flame graph.
 *
 * Usage, with load on the proxy between its start and its end:
 * `deno run --cpu-prof --cpu-prof-name=hot.cpuprofile -P=program main.ts serve`,
 * then `deno run -A bench/profile.ts hot.cpuprofile [ROWS [PICTURE.svg TITLE]]`
 *
 * @module
 */
import { type Call, readProfile } from "./cpu_profile.ts";
import { drawSpecification } from "./draw.ts";
import { flameGraph } from "./flame.ts";

const [file = "", rows = "25", picture, title = ""] = Deno.args;
const root = readProfile(file);
const own = new Map<string, number>();
const total = new Map<string, number>();

function add(call: Call, callers: ReadonlySet<string>): void {
  const { name, time } = call;
  own.set(name, (own.get(name) ?? 0) + call.own);
  // Where a function calls itself, its time counts once.
  if (!callers.has(name)) total.set(name, (total.get(name) ?? 0) + time);
  const inside = new Set([...callers, name]);
  for (const below of call.calls) add(below, inside);
}

function print(title: string, times: ReadonlyMap<string, number>): void {
  const lines = [...times].filter(([name]) => name !== root.name)
    .sort((a, b) => b[1] - a[1]).slice(0, Number(rows))
    .map(([name, time]) =>
      `${(time / root.time * 100).toFixed(1).padStart(5)} % ${name}`
    );
  const text = [`${title}, of the time in JavaScript`, ...lines, "", ""];
  Deno.stdout.writeSync(new TextEncoder().encode(text.join("\n")));
}

add(root, new Set());
print("By itself", own);
print("With what it calls", total);
if (picture !== undefined) {
  await drawSpecification(flameGraph(root, title), picture);
}
