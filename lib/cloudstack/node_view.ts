/**
 * What discovery sees of the node, handed in so that tests can stand in.
 *
 * @module
 */
import { readKernel, type Runner } from "../system/runner.ts";
import { deadline } from "../system/timers.ts";

/**
 * How long a host name may take, in milliseconds: a resolver that does not
 * answer takes 5 s for each of its servers, longer than any client waits.
 */
const RESOLVE_MS = 1_000;

/** The node, to look at. */
export interface NodeView {
  /** The folder that stands for /, where DHCP clients keep their files. */
  readonly root: string;
  /** Reads a file of /proc or /sys; empty where it is missing. */
  readKernel(path: string): Promise<string>;
  /** The first IPv4 address of a host name; `undefined` for an unknown one. */
  resolve(name: string): Promise<string | undefined>;
  /** The time, in milliseconds since 1970. */
  now(): number;
}

/**
 * Makes the view of this node.
 *
 * @param run runs `cat`
 */
export function viewNode(run: Runner): NodeView {
  return {
    root: "",
    readKernel: (path) => readKernel(path, run),
    async resolve(name) {
      const { lookup } = await import("node:dns/promises");
      const found = lookup(name, { family: 4 }).catch(() => undefined);
      return (await deadline(found, RESOLVE_MS))?.address;
    },
    now: () => Date.now(),
  };
}
