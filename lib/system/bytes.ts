/**
 * Bytes, as @std/bytes has them: its functions would need an import under both
 * maps, and `Buffer` loads modules of Node that take 4 MB.
 *
 * @module
 */

/** Joins parts into one array. */
export function concat(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes that come in pieces; it doubles its room, so that small ones cost little. */
export class Gathered {
  #room = new Uint8Array(0);
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** All of them, until more come. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#size);
  }

  /** Takes a copy of some more. */
  add(more: Uint8Array): void {
    const size = this.#size + more.length;
    if (size > this.#room.length) {
      const room = new Uint8Array(2 * size);
      room.set(this.bytes);
      this.#room = room;
    }
    this.#room.set(more, this.#size);
    this.#size = size;
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

/**
 * Bytes as text, if all of them are ASCII. Deno 2.9 decodes UTF-8 six times as
 * fast as anything else.
 */
export function asciiOf(bytes: Uint8Array): string | undefined {
  const text = utf8.decode(bytes);
  // Other characters have several bytes each, and what is no UTF-8 is replaced.
  const isAscii = text.length === bytes.length && !text.includes("\ufffd");
  return isAscii ? text : undefined;
}

/**
 * Bytes as text to search in: one character each, so that offsets are the same.
 * ASCII is ASCII; other bytes are other characters.
 */
export function searchable(bytes: Uint8Array): string {
  return asciiOf(bytes) ?? latin1.decode(bytes);
}

/** Whether two arrays hold the same bytes. */
export function equals(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}
