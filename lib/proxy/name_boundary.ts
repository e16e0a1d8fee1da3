/**
 * Where a region name may begin and end, byte by byte. Only ASCII letters and
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

/** Whether a name may begin after this byte. */
export function mayPrecede(byte: number): boolean {
  return KIND[byte] === 0;
}

/**
 * Whether a name may end before offset `end`: no letter or digit follows, or
 * one lower-case letter alone, that of an availability zone.
 *
 * @returns `undefined` when the bytes end too early to tell; never at the end
 * of a body, where `final` holds
 */
export function mayEnd(
  bytes: Uint8Array,
  end: number,
  final: boolean,
): boolean | undefined {
  if (end >= bytes.length) return final ? true : undefined;
  const kind = KIND[bytes[end] as number];
  if (kind !== LOWER) return kind === 0;
  if (end + 1 >= bytes.length) return final ? true : undefined;
  return KIND[bytes[end + 1] as number] === 0;
}
