/**
 * Makes what stands what shall stand: read, diff, plan, feed, read again.
 *
 * @module
 */
import type { Machine } from "./machine.ts";
import type { Desired, Place, RedirectTarget } from "./rule.ts";

/** What reconciling did. */
export interface Reconciled {
  /** Whether anything was fed. */
  readonly changed: boolean;
  /** The differences that were found first, one line each. */
  readonly was: readonly string[];
  /** What the programs warned of, and which places could not be read. */
  readonly warnings: readonly string[];
  /** Where a rule was found that shall not stand, and taken away. */
  readonly removed: readonly Place[];
}

/**
 * Reconciles. Calls for the same machine must not overlap.
 *
 * @throws {RuleError} when the desired state could not be reached; the message
 * says what stands
 */
export function reconcile(
  _machine: Machine,
  _desired: Desired,
): Promise<Reconciled> {
  return Promise.reject(new Error("not implemented yet"));
}

/**
 * Looks quickly whether the rule is in place: OUTPUT of both tables, or the
 * native table, of the backend in use and the desired families.
 *
 * @returns what differs, one line each; empty where it is in place
 * @throws {RuleError} when it cannot be read
 */
export function look(
  _machine: Machine,
  _desired: Desired,
): Promise<readonly string[]> {
  return Promise.reject(new Error("not implemented yet"));
}

/**
 * Finds another instance: a rule of ours whose port has a listener on loopback
 * that runs as the rule's uid, and is not ours.
 *
 * @param ownPorts the ports that are ours
 * @returns `undefined` where there is none, or where it cannot be told
 */
export function findConflict(
  _machine: Machine,
  _ownPorts: readonly number[],
): Promise<RedirectTarget | undefined> {
  return Promise.reject(new Error("not implemented yet"));
}
