/**
 * Profiles of V8, as `deno run --cpu-prof` writes them.
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

/** A function under its caller, and what it calls. */
export interface Call {
  /** The function and its place: `send lib/proxy/upstream/upstream.ts:120`. */
  readonly name: string;
  /** The time in it and below, in microseconds. */
  readonly time: number;
  /** The time in itself. */
  readonly own: number;
  /** What it calls, each function once. */
  readonly calls: readonly Call[];
}

/** Whether a function is this program's own, by its name. */
export function isOurs(name: string): boolean {
  return name.includes(" lib/");
}

/**
 * Reads a profile.
 *
 * @param file its path
 * @returns its root, without the time in which nothing ran
 * @throws {Error} when it has none
 */
export function readProfile(file: string): Call {
  const profile: Profile = JSON.parse(Deno.readTextFileSync(file));
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    times.set(id, (times.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const callOf = (name: string, same: readonly ProfileNode[]): Call => {
    const own = same.reduce((sum, { id }) => sum + (times.get(id) ?? 0), 0);
    const below = same.flatMap(({ children = [] }) =>
      children.map((id) => nodes.get(id)).filter((it) => it !== undefined)
    ).filter((it) => it.callFrame.functionName !== "(idle)");
    const calls = [...Map.groupBy(below, nameOf)]
      .map(([name, nodes]) => callOf(name, nodes));
    const time = calls.reduce((sum, call) => sum + call.time, own);
    return { name, own, time, calls };
  };
  const [root] = profile.nodes;
  if (root === undefined) throw new Error(`Cannot read "${file}": no nodes`);
  return callOf("all", [root]);
}

function nameOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  const place = url.replace(/^file:.*\/(?=(?:lib|deploy)\/|main\.ts$)/, "");
  return `${functionName || "(anonymous)"} ${place}:${lineNumber + 1}`;
}
