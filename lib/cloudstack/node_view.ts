/**
 * What discovery sees of the node, handed in so that tests can stand in.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { deadline } from "../system/timers.ts";

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

/**
 * The most bytes a lease file may have: dhclient's grow, but not to this. Root
 * reads them, and others may write them.
 */
const MAX_FILE_BYTES = 1024 * 1024;

/** The node, to look at. */
export interface NodeView {
  /** The names in a folder; none where it is missing or may not be read. */
  list(folder: string): Promise<readonly string[]>;
  /** Tells of a regular file of at most 1 MiB; `undefined` for all others. */
  stat(path: string): Promise<FileState | undefined>;
  /** Reads such a file; `undefined` where there is none or it may not be read. */
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
  const stat = (path: string) =>
    ifThere(async () => {
      const { isFile, mtime, size } = await Deno.stat(path);
      return isFile && size <= MAX_FILE_BYTES
        ? { modifiedMs: mtime?.getTime() ?? 0, size }
        : undefined;
    });
  return {
    list: (folder) =>
      ifThere(async () => {
        const names: string[] = [];
        for await (const { name } of Deno.readDir(folder)) names.push(name);
        return names.toSorted();
      }).then((names) => names ?? []),
    stat,
    // Looked at first: opening a FIFO waits for whoever writes to it.
    read: (path) =>
      ifThere(async () =>
        await stat(path) === undefined ? undefined : await readBounded(path)
      ),
    async readKernel(path) {
      const result = await run(["cat", path]);
      return typeof result === "string" || result.code !== 0
        ? undefined
        : result.stdout;
    },
    resolve: (name) =>
      ifThere(async () => {
        const { lookup } = await import("node:dns/promises");
        return (await deadline(lookup(name, { family: 4 }), RESOLVE_MS))
          ?.address;
      }),
    now: () => Date.now(),
  };
}

/** Reads a file unless it has grown beyond the bound meanwhile. */
async function readBounded(path: string): Promise<Uint8Array | undefined> {
  const file = await Deno.open(path);
  try {
    const bytes = new Uint8Array(MAX_FILE_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) return bytes.slice(0, length);
      length += read;
    }
    return undefined;
  } finally {
    file.close();
  }
}

/** The proxy's user may read less than root, and files come and go. */
async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
