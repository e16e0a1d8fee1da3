/**
 * A value as somebody gave it, which carries its source, so that an error can
 * say what to change; and how the small ones are read.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";
import { type Option, parseOptions } from "../cli/options.ts";

/** One value and where it came from. */
export interface SourcedValue {
  /** The value as it was written. */
  readonly text: string;
  /** `--timeout`, `C2S_IMDS_TIMEOUT` or `key "timeout" in "c2s-imds.yaml"`. */
  readonly source: string;
}

/** Every value of an option, by the option's name. */
export type SourcedValues = ReadonlyMap<string, readonly SourcedValue[]>;

/**
 * Refuses a value.
 *
 * @param value the value
 * @param expected what would have been right, as it follows "expected"
 * @throws {UsageError} always: `Cannot use "0" for --timeout: expected …`
 */
export function refuse(
  { text, source }: SourcedValue,
  expected: string,
): never {
  throw new UsageError(
    `Cannot use ${quote(text)} for ${source}: expected ${expected}`,
  );
}

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

/**
 * Reads the flags of a subcommand that takes nothing but flags.
 *
 * @param args the arguments after the subcommand's name
 * @param options the flags it knows
 * @throws {UsageError} for an unknown flag, a missing value, or anything that
 * is no flag
 */
export function fromFlags(
  args: readonly string[],
  options: readonly Option[],
): SourcedValues {
  const { given, words: [word] } = parseOptions(args, options);
  if (word !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(word)}: see --help`);
  }
  return new Map(
    [...given].map(([name, texts]) => [
      name,
      texts.map((text) => ({ text, source: `--${name}` })),
    ]),
  );
}
