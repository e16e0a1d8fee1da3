/**
 * What is a whole name: tests/fuzz holds overlapping names, and bodies cut
 * anywhere, to a reference.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { isOpaque, Rewriter } from "../../lib/rewrite/rewriter.ts";
import { bytesOf, textOf } from "../helpers/raw.ts";

const EAST = new Map([["us-east-1", "us-iso-east-1"]]);

const WHOLE_NAMES: ReadonlyArray<readonly [string, string]> = [
  ["us-east-1", "us-iso-east-1"],
  ["us-east-1\n", "us-iso-east-1\n"],
  ["us-east-1a", "us-iso-east-1a"],
  ["us-east-1a\n", "us-iso-east-1a\n"],
  ["us-east-1-bos-1a", "us-iso-east-1-bos-1a"],
  ["us-east-1-wl1-bos-wlz-1", "us-iso-east-1-wl1-bos-wlz-1"],
  ['{"region":"us-east-1"}', '{"region":"us-iso-east-1"}'],
  ["cluster-us-east-1-role", "cluster-us-iso-east-1-role"],
  ["s3-us-east-1.amazonaws.com", "s3-us-iso-east-1.amazonaws.com"],
  ["_us-east-1_", "_us-iso-east-1_"],
  ["/us-east-1/us-east-1/", "/us-iso-east-1/us-iso-east-1/"],
  [
    "us-east-1,us-east-1b,us-east-1",
    "us-iso-east-1,us-iso-east-1b,us-iso-east-1",
  ],
  ["\xe9us-east-1\xe9", "\xe9us-iso-east-1\xe9"],
  ["\0us-east-1a\xff", "\0us-iso-east-1a\xff"],
  ["us-us-east-1", "us-us-iso-east-1"],
];

const NEAR_MISSES: readonly string[] = [
  "",
  "u",
  "us-east-",
  "us-east-2",
  "us-east-10",
  "us-east-1ab",
  "us-east-1a1",
  "us-east-1aB",
  "us-east-1A",
  "us-east-1A\n",
  "xus-east-1",
  "Xus-east-1",
  "0us-east-1",
  "US-EAST-1",
  "us-east1",
  "use1-az4",
  "us-gov-east-1",
];

Deno.test("Rewriter.rewrite() replaces a region when it is a whole name", () => {
  const rewriter = new Rewriter(EAST);
  for (const [body, expected] of WHOLE_NAMES) {
    assertEquals(textOf(rewriter.rewrite(bytesOf(body))), expected);
  }
});

Deno.test("Rewriter.rewrite() returns the same array when nothing matches", () => {
  const rewriter = new Rewriter(EAST);
  for (const text of NEAR_MISSES) {
    const body = bytesOf(text);
    assert(rewriter.rewrite(body) === body, text);
  }
});

Deno.test("Rewriter passes on what it need not change, uncopied", () => {
  const nothing = new Rewriter(new Map());
  const body = bytesOf("us-east-1");
  assert(nothing.empty);
  assert(nothing.rewrite(body) === body);
  assert(nothing.stream().push(body) === body);
  const some = new Rewriter(EAST);
  assert(!some.empty);
  const stream = some.stream();
  const chunk = bytesOf("instance-id\n");
  assert(stream.push(chunk) === chunk);
  assertEquals(stream.end().length, 0);
});

Deno.test("Rewriter.stream() holds back no more than a region and one byte", () => {
  const stream = new Rewriter(EAST).stream();
  const lead = 10_000;
  const pushed = stream.push(bytesOf(" ".repeat(lead) + "us-east-1a"));
  assertEquals(pushed.length, lead);
  assertEquals(textOf(stream.push(bytesOf("b"))), "us-east-1ab");
  assertEquals(stream.changed, false);
  stream.push(bytesOf(" us-ea"));
  assertEquals(textOf(stream.push(bytesOf("st-1 "))), "us-iso-east-1 ");
  assertEquals(stream.changed, true);
  assertEquals(stream.end().length, 0);
});

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
