/**
 * Where a name may begin and end, byte by byte. Only ASCII letters and
 * digits belong to names; every other byte, non-ASCII ones too, ends one.
 *
 * @module
 */

const DIGIT = 1;
const UPPER = 2;
const LOWER = 3;

const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if (byte >= 0x41 && byte <= 0x5a) return UPPER;
  if (byte >= 0x61 && byte <= 0x7a) return LOWER;
  return 0;
});

/** What is searched for, by where it may stand. */
export type NameKind =
  /** A region, also before the letter of an availability zone. */
  | "region"
  /** A name that nothing may be added to. */
  | "whole"
  /** How an ARN begins, where a text or a quoted value begins. */
  | "arn";

/** White space and the quotes of JSON; 0 is the start of a body. */
const BEFORE_VALUES: readonly number[] = [0, 0x09, 0x0a, 0x0d, 0x20, 0x22];

/** Whether a name may begin after this byte. */
export function mayPrecede(byte: number): boolean {
  return KIND[byte] === 0;
}

/** Whether a name of some kind may, where {@linkcode mayPrecede} holds. */
export function mayPrecedeKind(byte: number, kind: NameKind): boolean {
  return kind !== "arn" || BEFORE_VALUES.includes(byte);
}

/**
 * Whether a name may end before offset `end`: no letter or digit follows, or
 * after a region one lower-case letter alone, that of an availability zone.
 * What follows the beginning of an ARN does not matter.
 *
 * @returns `undefined` when the bytes end too early to tell; never at the end
 * of a body, where `final` holds
 */
export function mayEnd(
  bytes: Uint8Array,
  end: number,
  final: boolean,
  kind: NameKind,
): boolean | undefined {
  if (kind === "arn") return true;
  if (end >= bytes.length) return final ? true : undefined;
  const next = KIND[bytes[end] as number];
  if (next !== LOWER || kind === "whole") return next === 0;
  if (end + 1 >= bytes.length) return final ? true : undefined;
  return KIND[bytes[end + 1] as number] === 0;
}
