/**
 * What of a new configuration can hold at once, and what needs a restart.
 *
 * @module
 */
import type { WholeConfig } from "./serve_config.ts";

/** What the sockets were made from. */
const FIXED = [
  "listen",
  "listenAnywhere",
  "upstream",
  "discover",
  "admin",
] as const;

/** A configuration that was read again. */
export interface Changes {
  /** What holds from now on: what is fixed as it was, all else anew. */
  readonly config: WholeConfig;
  /** The fields that changed and hold from now on. */
  readonly live: readonly string[];
  /** The fields that changed and need a restart. */
  readonly restart: readonly string[];
}

/**
 * Compares a configuration with the one in force. What concerns the node, its
 * rule and its user, is fixed like listeners and upstream.
 *
 * @param before what is in force
 * @param after what was read
 */
export function changesOf(before: WholeConfig, after: WholeConfig): Changes {
  const { node, ...proxy } = before;
  const { node: newNode, ...newProxy } = after;
  const changed = differences(proxy, newProxy);
  const fixed = (name: string) => FIXED.some((one) => one === name);
  const kept = Object.fromEntries(
    Object.entries(proxy).filter(([name]) => fixed(name)),
  );
  const fresh = Object.fromEntries(
    Object.entries(newProxy).filter(([name]) => !fixed(name)),
  );
  return {
    config: Object.freeze({ ...fresh, ...kept, node }) as WholeConfig,
    live: changed.filter((name) => !fixed(name)),
    restart: [...changed.filter(fixed), ...differences(node, newNode)],
  };
}

/** The names of the fields that differ. */
function differences(before: object, after: object): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) =>
    textOf(Reflect.get(before, name)) !== textOf(Reflect.get(after, name))
  );
}

/** Text that is equal for equal values. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_, it) => it instanceof Map ? [...it] : it);
}
