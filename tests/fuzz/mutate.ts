/**
 * Damages bytes the way a fuzzer does: without knowing what they mean.
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";

/** What splits, ends, hides or begins something in HTTP. */
const TOKENS: readonly string[] = [
  ...["\r\n", "\r\n\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";"],
  ...["\x0b", "\x7f", "\x85", "\xa0", "\xc4\x8d\xc4\x8a"],
  "0\r\n\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Host: other\r\n",
  " chunked",
  "5\r\nabcde\r\n",
  "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
];

/** No mutant is longer: it is damage that is sought, not size. */
const LONGEST = 100_000;

/**
 * Damages a text in one to four places.
 *
 * @param random draws where and how
 * @param text one character a byte
 * @param other another text of the kind, to splice with
 */
export function mutate(
  random: Random,
  text: string,
  other: () => string,
): string {
  let mutant = text;
  for (let left = 1 + random.int(4); left > 0; left--) {
    mutant = damaged(random, mutant, other);
  }
  return mutant.slice(0, LONGEST);
}

function damaged(
  random: Random,
  text: string,
  other: () => string,
): string {
  const at = random.int(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.int(random.pick([2, 40])));
  const before = text.slice(0, at);
  const part = text.slice(at, end);
  const after = text.slice(end);
  switch (random.int(10)) {
    case 0:
      return before + flipped(part.slice(0, 1), random) + part.slice(1) + after;
    case 1:
      return before + String.fromCharCode(random.int(256)) + after;
    case 2:
      return before + after;
    case 3:
      return before + part + part + after;
    case 4:
      return before;
    case 5: {
      const donor = other();
      return before + donor.slice(random.int(donor.length + 1));
    }
    case 6:
      return before + part.replace(/[a-z]+/g, (it) => it.toUpperCase()) + after;
    default:
      return before + random.pick(TOKENS) + part + after;
  }
}

function flipped(byte: string, random: Random): string {
  return byte === ""
    ? ""
    : String.fromCharCode(byte.charCodeAt(0) ^ 1 << random.int(8));
}

/**
 * Cuts a text into pieces, as a network may.
 *
 * @param random draws the places
 * @param text one character a byte
 */
export function pieces(random: Random, text: string): readonly string[] {
  const cuts = random.list(
    random.pick([0, 0, 1, 4]),
    () => random.int(text.length + 1),
  ).sort((a, b) => a - b);
  return [...cuts, text.length]
    .map((cut, i) => text.slice(i === 0 ? 0 : cuts[i - 1], cut))
    .filter((piece) => piece !== "");
}
