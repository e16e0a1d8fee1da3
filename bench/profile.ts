/**
 * Sums up a profile of V8: where time went, by function, without its callees
 * and with them.
 *
 * Usage, with load on the proxy between its start and its end:
 * `deno run --cpu-prof --cpu-prof-name=hot.cpuprofile -P=program main.ts serve`,
 * then `deno run --allow-read bench/profile.ts hot.cpuprofile [ROWS]`
 *
 * @module
 */

/** A function as it was called from one place; the format of Chrome's tools. */
interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** A profile as V8 writes it. */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** The node that ran, sample after sample. */
  readonly samples: readonly number[];
  /** The time before each sample, in microseconds. */
  readonly timeDeltas: readonly number[];
}

const [file = "", rows = "25"] = Deno.args;
const profile: Profile = JSON.parse(Deno.readTextFileSync(file));
const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const own = new Map<number, number>();
profile.samples.forEach((id, i) => {
  own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
});

function nameOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  const place = url.replace(/^file:.*\/(?=lib\/)/, "");
  return `${functionName || "(anonymous)"} ${place}:${lineNumber + 1}`;
}

const self = new Map<string, number>();
const total = new Map<string, number>();

function walk(node: ProfileNode, callers: ReadonlySet<string>): number {
  const name = nameOf(node);
  let time = own.get(node.id) ?? 0;
  self.set(name, (self.get(name) ?? 0) + time);
  const inside = new Set([...callers, name]);
  for (const id of node.children ?? []) {
    const child = nodes.get(id);
    if (child !== undefined) time += walk(child, inside);
  }
  // Where a function calls itself, its time counts once.
  if (!callers.has(name)) total.set(name, (total.get(name) ?? 0) + time);
  return time;
}

const [root] = profile.nodes;
if (root === undefined) throw new Error(`Cannot read "${file}": no nodes`);
const idle = profile.nodes.filter((node) =>
  node.callFrame.functionName === "(idle)"
).reduce((sum, node) => sum + (own.get(node.id) ?? 0), 0);
const busy = walk(root, new Set()) - idle;

function print(title: string, times: ReadonlyMap<string, number>): void {
  const lines = [...times].filter(([name]) => !/^\((?:idle|root)\)/.test(name))
    .sort((a, b) => b[1] - a[1]).slice(0, Number(rows))
    .map(([name, time]) =>
      `${(time / busy * 100).toFixed(1).padStart(5)} % ${name}`
    );
  const text = [`${title}, of the time in JavaScript`, ...lines, "", ""];
  Deno.stdout.writeSync(new TextEncoder().encode(text.join("\n")));
}

print("By itself", self);
print("With what it calls", total);
