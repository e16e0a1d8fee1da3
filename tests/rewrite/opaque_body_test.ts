import { assertEquals } from "@std/assert";
import { isOpaque } from "../../lib/rewrite/opaque_body.ts";
import { bytesOf } from "../helpers/raw.ts";

const ENCODINGS: ReadonlyArray<readonly [string, boolean]> = [
  ["", false],
  [" Identity ", false],
  ["identity, identity", false],
  ["GZIP", true],
  ["br", true],
  ["identity, gzip", true],
  ["anything", true],
];

/** How bodies begin, one character a byte. */
const STARTS: ReadonlyArray<readonly [string, string, boolean]> = [
  ["nothing", "", false],
  ["UTF-8", "Z\xc3\xbcrich", false],
  ["Latin-1", "Z\xfcr", false],
  ["gzip", "\x1f\x8b", true],
  ["zlib, fastest", "\x78\x01A", true],
  ["zlib, fast", "\x78\x5eA", true],
  ["zlib, default", "\x78\x9cA", true],
  ["zlib, best", "\x78\xdaA", true],
  ["zstd", "\x28\xb5\x2f\xfd", true],
  ["zstd, cut short", "\x28\xb5\x2f", false],
  ["xz", "\xfd7zXZ\0", true],
  ["xz, cut short", "\xfd7zXZ", false],
  ["bzip2", "BZh91AY&SY", true],
  ["bzip2, smallest blocks", "BZh1", true],
  ["bzip2, cut short", "BZh", false],
  ["text like bzip2", "BZh0", false],
  ["lz4", "\x04\x22\x4d\x18", true],
  ["lz4, legacy", "\x02\x21\x4c\x18", true],
  ["a word with x", "x86_64", false],
  ["NUL at the end", "us-east-1\0", true],
  ["NUL as byte 8192", "a".repeat(8191) + "\0", true],
  ["NUL as byte 8193", "a".repeat(8192) + "\0", false],
];

Deno.test("isOpaque() goes by Content-Encoding and by the first bytes", () => {
  for (const [encoding, expected] of ENCODINGS) {
    assertEquals(isOpaque(encoding, bytesOf("us")), expected, encoding);
  }
  for (const [name, start, expected] of STARTS) {
    assertEquals(isOpaque("", bytesOf(start)), expected, name);
  }
});

Deno.test("isOpaque() finds every control byte but those of text", () => {
  const opaque = Array.from({ length: 256 }, (_, byte) => byte)
    .filter((byte) => isOpaque("", Uint8Array.of(0x61, byte, 0x61)));
  const textual = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b];
  const controls = Array.from({ length: 32 }, (_, byte) => byte)
    .filter((byte) => !textual.includes(byte));
  assertEquals(opaque, [...controls, 0x7f]);
});
