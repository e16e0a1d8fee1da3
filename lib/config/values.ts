/**
 * The small values: switches, choices, and lengths of time.
 *
 * @module
 */
import { type Given, refuse } from "./given.ts";

/** Seconds as a decimal number, without sign or exponent. */
const DECIMAL = /^\d{1,9}(?:\.\d{1,9})?$/;

/**
 * Reads a switch.
 *
 * @throws {UsageError} for anything but true, false, 1 and 0
 */
export function parseSwitch(given: Given): boolean {
  if (given.text === "true" || given.text === "1") return true;
  if (given.text === "false" || given.text === "0") return false;
  return refuse(given, "true or false");
}

/**
 * Reads one of a few words.
 *
 * @throws {UsageError} for any other
 */
export function parseChoice<Choice extends string>(
  given: Given,
  choices: readonly Choice[],
): Choice {
  return choices.find((choice) => choice === given.text) ??
    refuse(given, `one of ${choices.join(", ")}`);
}

/**
 * Reads seconds.
 *
 * @param least the least number of seconds
 * @param most the greatest number of seconds
 * @returns whole milliseconds
 * @throws {UsageError} for what is no decimal number or out of bounds
 */
export function parseSeconds(
  given: Given,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const seconds = DECIMAL.test(given.text) ? Number(given.text) : NaN;
  if (seconds >= least && seconds <= most) return Math.round(seconds * 1000);
  return refuse(given, `seconds from ${least} to ${most}`);
}
