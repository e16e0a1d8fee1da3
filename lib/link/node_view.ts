/**
 * What discovery sees of the node, handed in so that tests can stand in.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { after } from "../system/timers.ts";

/** When a file was written last, and its length. */
export interface FileState {
  /** In milliseconds since 1970. */
  readonly modifiedMs: number;
  /** In bytes. */
  readonly size: number;
}

/**
 * How long a host name may take, in milliseconds: a resolver that does not
 * answer takes 5 s for each of its servers, longer than any client waits.
 */
const RESOLVE_MS = 1_000;

/** The node, to look at. */
export interface NodeView {
  /** The names in a folder; none where it is missing or may not be read. */
  list(folder: string): Promise<readonly string[]>;
  /** Tells of a file; `undefined` where it is missing or out of reach. */
  stat(path: string): Promise<FileState | undefined>;
  /** Reads a file; `undefined` where it is missing or may not be read. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Reads a file of /proc or /sys; `undefined` where it is missing. */
  readKernel(path: string): Promise<string | undefined>;
  /** The first IPv4 address of a host name; `undefined` for an unknown one. */
  resolve(name: string): Promise<string | undefined>;
  /** The time, in milliseconds since 1970. */
  now(): number;
}

/**
 * Makes the view of this node.
 *
 * @param run runs `cat`, because Deno opens /proc and /sys only with every
 * permission
 */
export function viewNode(run: Runner): NodeView {
  return {
    list: (folder) =>
      ifThere(async () => {
        const names: string[] = [];
        for await (const { name } of Deno.readDir(folder)) names.push(name);
        return names.toSorted();
      }).then((names) => names ?? []),
    stat: (path) =>
      ifThere(async () => {
        const { isFile, mtime, size } = await Deno.stat(path);
        return isFile ? { modifiedMs: mtime?.getTime() ?? 0, size } : undefined;
      }),
    read: (path) => ifThere(() => Deno.readFile(path)),
    async readKernel(path) {
      const result = await run(["cat", path]);
      return typeof result === "string" || result.code !== 0
        ? undefined
        : result.stdout;
    },
    resolve: (name) =>
      ifThere(async () => {
        const late = Promise.withResolvers<undefined>();
        const inTime = after(RESOLVE_MS, () => late.resolve(undefined));
        try {
          const { lookup } = await import("node:dns/promises");
          const found = lookup(name, { family: 4 });
          return (await Promise.race([found, late.promise]))?.address;
        } finally {
          inTime();
        }
      }),
    now: () => Date.now(),
  };
}

/** The proxy's user may read less than root, and files come and go. */
async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
