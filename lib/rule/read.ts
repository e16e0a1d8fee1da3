/**
 * Reads what of ours stands in the kernel.
 *
 * @module
 */
import type { Machine } from "./machine.ts";
import type { Place, RedirectTarget } from "./rule.ts";

/** One of iptables' tables, as far as it concerns us. */
export interface Table {
  /** The rules of OUTPUT in order, those of others among them, as saved. */
  readonly output: readonly string[];
  /** The rules of our chain, as saved; `undefined`: there is no such chain. */
  readonly chain: readonly string[] | undefined;
}

/** What was read in one place. */
export type PlaceReading =
  & Place
  & (
    | { readonly filter: Table; readonly nat: Table }
    | {
      /** The lines of our native table; `undefined`: there is no such table. */
      readonly native: readonly string[] | undefined;
    }
  );

/** What stands in every backend and family. */
export interface Reading {
  /** Every place that could be read. */
  readonly places: readonly PlaceReading[];
  /** What the programs warned of, and which places could not be read. */
  readonly warnings: readonly string[];
}

/**
 * Reads every backend and family that this machine has programs for.
 *
 * @throws {RuleError} when the backend in use cannot be read
 */
export function readRules(_machine: Machine): Promise<Reading> {
  return Promise.reject(new Error("not implemented yet"));
}

/** Where the rules redirect to, each target once. */
export function redirectTargets(_reading: Reading): readonly RedirectTarget[] {
  throw new Error("not implemented yet");
}
