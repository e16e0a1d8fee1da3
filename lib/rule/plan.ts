/**
 * Plans what is fed to `iptables-restore` or `nft`.
 *
 * @module
 */
import type { Machine } from "./machine.ts";
import type { Reading } from "./read.ts";
import type { Desired, Place } from "./rule.ts";

/** A transaction: all of it happens, or nothing. */
export interface Feed extends Place {
  /** The command. */
  readonly argv: readonly [string, ...string[]];
  /** What it is fed. */
  readonly stdin: string;
}

/**
 * The smallest feeds that make what stands what shall stand, in order.
 *
 * @param desired what shall stand
 * @param reading what stands
 * @param machine the programs and the backend in use
 */
export function plan(
  _desired: Desired,
  _reading: Reading,
  _machine: Machine,
): readonly Feed[] {
  throw new Error("not implemented yet");
}
