/**
 * How the small values of options are read.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";
import { refuse, type SourcedValue } from "../cli/options.ts";

/**
 * Reads a switch.
 *
 * @throws {UsageError} for anything but true, false, 1 and 0
 */
export function parseSwitch(value: SourcedValue): boolean {
  if (value.text === "true" || value.text === "1") return true;
  if (value.text === "false" || value.text === "0") return false;
  return refuse(value, "true or false");
}

/**
 * Reads one of a few words.
 *
 * @throws {UsageError} for any other
 */
export function parseChoice<Choice extends string>(
  value: SourcedValue,
  choices: readonly Choice[],
): Choice {
  return choices.find((choice) => choice === value.text) ??
    refuse(value, `one of ${choices.join(", ")}`);
}

/** Seconds as a decimal number, without sign or exponent. */
const DECIMAL = /^\d{1,9}(?:\.\d{1,9})?$/;

/**
 * Reads seconds.
 *
 * @param least the least number of seconds
 * @param most the greatest number of seconds
 * @returns whole milliseconds
 * @throws {UsageError} for what is no decimal number or out of bounds
 */
export function parseSeconds(
  value: SourcedValue,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const seconds = DECIMAL.test(value.text) ? Number(value.text) : NaN;
  if (seconds >= least && seconds <= most) return Math.round(seconds * 1000);
  return refuse(value, `seconds from ${least} to ${most}`);
}

/** One below the kernel's "no user", which iptables refuses too. */
export const HIGHEST_UID = 4_294_967_294;

/** Whom the proxy runs as, as it was given. */
export interface User extends SourcedValue {
  /** The uid; a name has yet to be looked up. */
  readonly uid?: number;
}

/**
 * Reads a user's name or a uid. A container's names need not be the host's,
 * whose numbers the kernel compares: a number is the safer form.
 *
 * @throws {UsageError} for root, and for what can be neither
 */
export function parseUser(value: SourcedValue): User {
  const { text } = value;
  if (text === "root" || text === "0") refuseRoot(value);
  if (/^[A-Za-z_][\w.@-]*\$?$/.test(text)) return value;
  const uid = /^[1-9]\d*$/.test(text) ? Number(text) : Infinity;
  if (uid <= HIGHEST_UID) return { ...value, uid };
  return refuse(value, `a user's name or a uid from 1 to ${HIGHEST_UID}`);
}

/**
 * Refuses a user who is root.
 *
 * @throws {UsageError} always
 */
export function refuseRoot(value: SourcedValue): never {
  throw new UsageError(
    `Cannot use ${quote(value.text)} for ${value.source}: uid 0 would exempt ` +
      "every client that runs as root, name the proxy's own user",
  );
}
