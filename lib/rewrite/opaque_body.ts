/**
 * Which bodies are no text and come through bit for bit.
 *
 * @module
 */

/** How much of a body is looked at for control bytes, in bytes. */
const LOOKED_AT = 8192;

/** How compressed formats begin. */
const MAGICS: ReadonlyArray<readonly number[]> = [
  // gzip: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
  [0x1f, 0x8b],
  // zlib with its usual window at each level, and without a preset
  // dictionary: https://www.rfc-editor.org/rfc/rfc1950#section-2.2
  [0x78, 0x01],
  [0x78, 0x5e],
  [0x78, 0x9c],
  [0x78, 0xda],
  // Zstandard: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
  [0x28, 0xb5, 0x2f, 0xfd],
  // xz: https://tukaani.org/xz/xz-file-format.txt, section 2.1.1.1
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  // LZ4: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
  [0x04, 0x22, 0x4d, 0x18],
  [0x02, 0x21, 0x4c, 0x18],
  // bzip2: "BZh" and the block size from 1 to 9
  ...Array.from({ length: 9 }, (_, i) => [0x42, 0x5a, 0x68, 0x31 + i]),
];

/** The control bytes that text may hold: tab to carriage return, and ESC. */
const CONTROL = Uint8Array.from({ length: 256 }, (_, byte) => {
  const allowed = byte >= 0x09 && byte <= 0x0d || byte === 0x1b;
  return byte === 0x7f || byte < 0x20 && !allowed ? 1 : 0;
});

/**
 * Whether a body must come through bit for bit: compressed, by its header or
 * by how it begins, or binary. Brotli has no magic; without the header its
 * control bytes tell it.
 *
 * @param contentEncoding the value of Content-Encoding, empty if there is none
 * @param start how the body begins: 8 KiB, or all of it if it is shorter
 */
export function isOpaque(contentEncoding: string, start: Uint8Array): boolean {
  return isEncoded(contentEncoding) ||
    MAGICS.some((magic) => magic.every((byte, i) => start[i] === byte)) ||
    hasControl(start);
}

/** A loop, because a function called for each byte takes ten times as long. */
function hasControl(start: Uint8Array): boolean {
  const end = Math.min(start.length, LOOKED_AT);
  for (let i = 0; i < end; i++) {
    if (CONTROL[start[i] as number] === 1) return true;
  }
  return false;
}

/**
 * Whether a body is encoded otherwise than as itself.
 *
 * @param contentEncoding the value of Content-Encoding
 */
export function isEncoded(contentEncoding: string): boolean {
  return contentEncoding.split(",").some((coding) =>
    !["", "identity"].includes(coding.trim().toLowerCase())
  );
}
