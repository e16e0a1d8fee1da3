/**
 * Compares what stands with what shall stand.
 *
 * @module
 */
import type { Reading } from "./read.ts";
import type { Backend, Desired } from "./rule.ts";

/**
 * What differs, one line each for people; empty where all is as desired.
 *
 * @param desired what shall stand
 * @param reading what stands
 * @param backend the backend in use
 */
export function diff(
  _desired: Desired,
  _reading: Reading,
  _backend: Backend,
): readonly string[] {
  throw new Error("not implemented yet");
}
