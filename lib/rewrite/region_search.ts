/**
 * Finds whole region names in bytes: Wu and Manber's search with blocks of two
 * bytes, which reads about one block per name length while nothing matches,
 * however many names there are.
 *
 * @module
 */
import {
  mayEnd,
  mayPrecede,
  mayPrecedeKind,
  type NameKind,
} from "./name_boundary.ts";

interface Name {
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly kind: NameKind;
}

const NOTHING = -1;
const UNDECIDED = -2;

/** The longest name, in bytes, that a shift of one byte can stand for. */
const LONGEST = 255;

/** A search for a fixed set of names. */
export class RegionSearch {
  readonly #names: readonly Uint8Array[];
  readonly #least: number;
  readonly #buckets: ReadonlyArray<readonly Name[]>;
  readonly #shifts: Uint8Array;

  /**
   * Builds the tables, 64 KiB of them.
   *
   * @param names the names; a match tells its name's place in this list
   * @param kinds the kind of each name, a region unless told
   * @throws {RangeError} for a name of no byte or of more than 255
   */
  constructor(names: readonly Uint8Array[], kinds: readonly NameKind[] = []) {
    for (const { length } of names) {
      if (length < 1 || length > LONGEST) {
        throw new RangeError(
          `Cannot search for a name of ${length} bytes: expected 1 to ${LONGEST}`,
        );
      }
    }
    this.#names = names;
    this.#least = Math.min(LONGEST, ...names.map((name) => name.length));
    this.#buckets = bucketsOf(names, kinds);
    this.#shifts = shiftsOf(names, this.#least);
  }

  /**
   * Appends every match to `matches`, leftmost first and at one offset the
   * longest, as two numbers: its offset and its name's place in the list.
   *
   * @param before the byte before the first one; 0 at the start of a body
   * @param final whether the body ends with these bytes
   * @returns the offset of the first byte that cannot be decided on without
   * more bytes; `bytes.length` when there is none, as always if `final`
   */
  scan(
    bytes: Uint8Array,
    before: number,
    final: boolean,
    matches: number[],
  ): number {
    const { length } = bytes;
    if (this.#names.length === 0) return length;
    // Beyond the last full window a name can only begin, never be complete.
    const last = length - this.#least;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const stop = final ? last + 1 : length;
    // A window begins with the byte before the name, which the first name of
    // all does not have among `bytes`.
    let at = 0;
    let previous = before;
    while (at < stop) {
      const id = this.#nameAt(bytes, at, previous, final);
      if (id === UNDECIDED) return at;
      if (id === NOTHING) {
        at += 1;
      } else {
        matches.push(at, id);
        at += (this.#names[id] as Uint8Array).length;
      }
      if (at <= last) at = this.#skip(view, at, last);
      previous = bytes[at - 1] as number;
    }
    return length;
  }

  /** Moves to the next offset where a name may stand; at most past `last`. */
  #skip(view: DataView, from: number, last: number): number {
    const shifts = this.#shifts;
    const end = this.#least - 2;
    let at = from;
    while (at <= last) {
      const shift = shifts[view.getUint16(at + end)] as number;
      if (shift === 0) return at;
      at += shift;
    }
    return Math.min(at, last + 1);
  }

  #nameAt(
    bytes: Uint8Array,
    at: number,
    previous: number,
    final: boolean,
  ): number {
    if (!mayPrecede(previous)) return NOTHING;
    for (const name of this.#buckets[bytes[at] as number] ?? []) {
      const end = at + name.bytes.length;
      if (!agrees(bytes, at, name.bytes)) continue;
      if (!mayPrecedeKind(previous, name.kind)) continue;
      const whole = end > bytes.length
        ? (final ? false : undefined)
        : mayEnd(bytes, end, final, name.kind);
      if (whole === undefined) return UNDECIDED;
      if (whole) return name.id;
    }
    return NOTHING;
  }
}

/** Whether the bytes from `at` on are the name's, as far as they go. */
function agrees(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  const length = Math.min(name.length, bytes.length - at);
  for (let i = 1; i < length; i++) {
    if (bytes[at + i] !== name[i]) return false;
  }
  return true;
}

/** The names by their first byte, longest first. */
function bucketsOf(
  names: readonly Uint8Array[],
  kinds: readonly NameKind[],
): readonly Name[][] {
  const buckets: Name[][] = Array.from({ length: 256 }, () => []);
  names.forEach((bytes, id) =>
    buckets[bytes[0] as number]?.push({
      bytes,
      id,
      kind: kinds[id] ?? "region",
    })
  );
  for (const bucket of buckets) {
    bucket.sort((a, b) => b.bytes.length - a.bytes.length);
  }
  return buckets;
}

/**
 * How far a window may move, by the two bytes it ends with (big endian). The
 * window is the byte before a name and the name's first `least` bytes: the
 * byte before makes room for a block even in names of one byte.
 */
function shiftsOf(names: readonly Uint8Array[], least: number): Uint8Array {
  const shifts = new Uint8Array(0x1_0000).fill(least);
  for (const name of names) {
    const first = name[0] as number;
    for (let before = 0; before < 256; before++) {
      if (!mayPrecede(before)) continue;
      const block = before << 8 | first;
      shifts[block] = Math.min(shifts[block] as number, least - 1);
    }
    for (let i = 1; i < least; i++) {
      const block = (name[i - 1] as number) << 8 | (name[i] as number);
      shifts[block] = Math.min(shifts[block] as number, least - 1 - i);
    }
  }
  return shifts;
}
