/**
 * Replaces real names by emulated ones in bodies, whole or chunk by chunk: one
 * regular expression finds them in one pass over the bytes as text. Bodies that
 * are no text come through bit for bit.
 *
 * @module
 */
import { concat, searchable } from "../system/bytes.ts";
import type { NamePairs } from "../config/profile.ts";
import type { RegionMap } from "../config/regions.ts";

/** What is searched for, by where it may stand. */
export type NameKind =
  /** A region, also before the letter of an availability zone. */
  | "region"
  /** A name that nothing may be added to. */
  | "whole"
  /** How an ARN begins, where a text or a quoted value begins. */
  | "arn";

/** Names that are no regions, and what stands in their place. */
export interface OtherNames {
  /** Where they may stand. */
  readonly kind: NameKind;
  /** New names by real ones. */
  readonly names: NamePairs;
}

/** One body rewritten while it flows; every chunk handed in is given away. */
export interface RewriteStream {
  /** Whether anything was replaced so far. */
  readonly changed: boolean;
  /** Takes the next bytes and returns those that are settled, maybe none. */
  push(chunk: Uint8Array): Uint8Array;
  /** Ends the body and returns what was held back, maybe nothing. */
  end(): Uint8Array;
}

/** Only ASCII letters and digits belong to names; any other byte ends one. */
const LETTER = "[A-Za-z0-9]";

/** What must stand before and after a name of each kind. */
const EDGES: Readonly<Record<NameKind, readonly [string, string]>> = {
  region: [`(?<!${LETTER})`, `(?![A-Z0-9]|[a-z]${LETTER})`],
  whole: [`(?<!${LETTER})`, `(?!${LETTER})`],
  // White space, the quotes of JSON, or the start of a body.
  arn: [`(?<![^\\0\\t\\n\\r "])`, ""],
};

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** Rewrites bodies by one region map. */
export class Rewriter {
  readonly #replacements = new Map<string, Uint8Array>();
  readonly #name: RegExp;
  readonly #openName: RegExp;
  readonly #longest: number;

  /**
   * Prepares the search once, for any number of bodies.
   *
   * @param map emulated regions by real ones; no name is empty
   * @param others names of other kinds that are replaced in the same pass
   */
  constructor(map: RegionMap, others: readonly OtherNames[] = []) {
    const all = [{ kind: "region", names: [...map] } as const, ...others]
      .flatMap(({ kind, names }) =>
        names.map(([real, name]) => ({ kind, real, name }))
      )
      .sort((one, other) => other.real.length - one.real.length);
    for (const { real, name } of all) {
      if (this.#replacements.has(real)) continue;
      this.#replacements.set(real, encoder.encode(name));
    }
    this.#longest = all[0]?.real.length ?? 0;
    this.#name = anyOf(all.map(({ kind, real }) => {
      const [before, after] = EDGES[kind];
      return before + RegExp.escape(real) + after;
    }));
    this.#openName = anyOf(
      all.map(({ kind, real }) =>
        `${EDGES[kind][0]}${openPattern(kind, real)}$`
      ),
    );
  }

  /** Whether nothing is ever rewritten. */
  get empty(): boolean {
    return this.#replacements.size === 0;
  }

  /**
   * Rewrites a whole body.
   *
   * @returns the same array when no region stands in it, else a new one
   */
  rewrite(bytes: Uint8Array): Uint8Array {
    return this.#pass(bytes, "", true).ready;
  }

  /**
   * Rewrites one body chunk by chunk, into the same bytes as
   * {@linkcode Rewriter.rewrite} would, whatever the chunks. It holds back at
   * most the longest region and one byte, and only what may be a region.
   */
  stream(): RewriteStream {
    let held = NOTHING;
    let before = "";
    let changed = false;
    const advance = (chunk: Uint8Array, final: boolean): Uint8Array => {
      const bytes = held.length === 0 ? chunk : concat([held, chunk]);
      const passed = this.#pass(bytes, before, final);
      held = bytes.slice(passed.settled);
      before = passed.last;
      changed ||= passed.changed;
      return passed.ready;
    };
    return {
      get changed() {
        return changed;
      },
      push: (chunk) => advance(chunk, false),
      end: () => advance(NOTHING, true),
    };
  }

  /**
   * Replaces every name, leftmost first and at one place the longest.
   *
   * @param bytes where they are searched for
   * @param before the character before the bytes, if there is one
   * @param final whether the body ends with the bytes
   * @returns how many bytes can be decided on without more, what becomes of
   * them, the last of them, and whether there was any name
   */
  #pass(bytes: Uint8Array, before: string, final: boolean) {
    const text = before + searchable(bytes);
    const from = before.length;
    const parts: Uint8Array[] = [];
    let read = 0;
    let at = from;
    let open = final ? text.length : this.#openFrom(text, at);
    while (at < open) {
      this.#name.lastIndex = at;
      const found = this.#name.exec(text);
      if (found === null || found.index >= open) break;
      const [real] = found;
      at = found.index + real.length;
      parts.push(
        bytes.subarray(read, found.index - from),
        this.#replacements.get(real) ?? NOTHING,
      );
      read = at - from;
      // What began within this name begins none of its own.
      if (at > open) open = this.#openFrom(text, at);
    }
    const settled = open - from;
    const rest = read === 0 && settled === bytes.length
      ? bytes
      : bytes.subarray(read, settled);
    return {
      settled,
      ready: parts.length === 0 ? rest : concat([...parts, rest]),
      last: text.slice(0, open).slice(-1),
      changed: parts.length > 0,
    };
  }

  /** Where a name begins that only more bytes can complete or rule out. */
  #openFrom(text: string, from: number): number {
    this.#openName.lastIndex = Math.max(from, text.length - this.#longest - 1);
    return this.#openName.exec(text)?.index ?? text.length;
  }
}

/** Finds any of some patterns; nothing where there are none. */
function anyOf(patterns: readonly string[]): RegExp {
  return new RegExp(patterns.length === 0 ? "(?!)" : patterns.join("|"), "g");
}

/**
 * The beginnings of a name, and all of it where what follows decides:
 * `u(?:s(?:-(?:…)?)?)?`.
 */
function openPattern(kind: NameKind, real: string): string {
  const letters = [...real].map((letter) => RegExp.escape(letter));
  if (kind === "arn") letters.pop();
  return letters.reduceRight(
    (rest, letter) => rest === "" ? letter : `${letter}(?:${rest})?`,
    kind === "region" ? "[a-z]" : "",
  );
}

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
