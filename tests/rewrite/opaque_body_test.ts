import { assertEquals } from "@std/assert";
import {
  brotliCompressSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { isOpaque } from "../../lib/rewrite/opaque_body.ts";

const TEXT = new TextEncoder().encode("us-east-1\n");
const NOTHING = new Uint8Array();

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const ENCODINGS: ReadonlyArray<readonly [string | undefined, boolean]> = [
  [undefined, false],
  ["", false],
  ["identity", false],
  [" Identity ", false],
  ["identity, identity", false],
  ["gzip", true],
  ["x-gzip", true],
  ["GZIP", true],
  ["deflate", true],
  ["br", true],
  ["zstd", true],
  ["identity, gzip", true],
  ["anything", true],
];

const STARTS: ReadonlyArray<readonly [string, Uint8Array, boolean]> = [
  ["nothing", NOTHING, false],
  ["text", TEXT, false],
  ["every text control", bytes(0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b), false],
  ["UTF-8", ascii("Zürich 東京"), false],
  ["Latin-1", bytes(0x5a, 0xfc, 0x72), false],
  [
    "all high bytes",
    Uint8Array.from({ length: 128 }, (_, i) => i + 128),
    false,
  ],
  ["gzip", bytes(0x1f, 0x8b), true],
  ["zlib, fastest", bytes(0x78, 0x01, 0x41), true],
  ["zlib, fast", bytes(0x78, 0x5e, 0x41), true],
  ["zlib, default", bytes(0x78, 0x9c, 0x41), true],
  ["zlib, best", bytes(0x78, 0xda, 0x41), true],
  ["zstd", bytes(0x28, 0xb5, 0x2f, 0xfd), true],
  ["zstd, cut short", bytes(0x28, 0xb5, 0x2f), false],
  ["xz", bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), true],
  ["xz, cut short", bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a), false],
  ["bzip2", ascii("BZh91AY&SY"), true],
  ["bzip2, smallest blocks", ascii("BZh1"), true],
  ["bzip2, cut short", ascii("BZh"), false],
  ["text like bzip2", ascii("BZh0"), false],
  ["lz4", bytes(0x04, 0x22, 0x4d, 0x18), true],
  ["lz4, legacy", bytes(0x02, 0x21, 0x4c, 0x18), true],
  ["one byte of gzip", bytes(0x1f), true],
  ["one letter of zlib", bytes(0x78), false],
  ["a word with x", ascii("x86_64"), false],
  ["DEL", ascii("us-east-1\x7f"), true],
  ["NUL at the end", ascii("us-east-1\0"), true],
  ["NUL as byte 8192", ascii("a".repeat(8191) + "\0"), true],
  ["NUL as byte 8193", ascii("a".repeat(8192) + "\0"), false],
];

Deno.test("isOpaque() goes by Content-Encoding when the body is text", () => {
  for (const [encoding, expected] of ENCODINGS) {
    assertEquals(isOpaque(encoding, TEXT), expected, encoding);
  }
});

Deno.test("isOpaque() goes by the first bytes when there is no encoding", () => {
  for (const [name, start, expected] of STARTS) {
    assertEquals(isOpaque(undefined, start), expected, name);
  }
});

Deno.test("isOpaque() finds every control byte but those of text", () => {
  const opaque = Array.from({ length: 256 }, (_, byte) => byte)
    .filter((byte) => isOpaque(undefined, bytes(0x61, byte, 0x61)));
  const textual = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b];
  const controls = Array.from({ length: 32 }, (_, byte) => byte)
    .filter((byte) => !textual.includes(byte));
  assertEquals(opaque, [...controls, 0x7f]);
});

Deno.test("isOpaque() knows what compressors write", () => {
  const document = ascii('{"region": "us-east-1"}\n'.repeat(40));
  for (
    const compress of [
      gzipSync,
      deflateSync,
      zstdCompressSync,
      brotliCompressSync,
    ]
  ) {
    const body = new Uint8Array(compress(document));
    assertEquals(isOpaque(undefined, body), true, compress.name);
  }
});
