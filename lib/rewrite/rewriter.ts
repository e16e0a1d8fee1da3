/**
 * Replaces real regions by emulated ones in bodies, as bytes, whole or chunk
 * by chunk.
 *
 * @module
 */
import type { NamePairs } from "../config/profile.ts";
import type { RegionMap } from "../config/region_map.ts";
import type { NameKind } from "./name_boundary.ts";
import { RegionSearch } from "./region_search.ts";

/** One body rewritten while it flows; every chunk handed in is given away. */
export interface RewriteStream {
  /** Whether anything was replaced so far. */
  readonly changed: boolean;
  /** Takes the next bytes and returns those that are settled, maybe none. */
  push(chunk: Uint8Array): Uint8Array;
  /** Ends the body and returns what was held back, maybe nothing. */
  end(): Uint8Array;
}

/** Names that are no regions, and what stands in their place. */
export interface OtherNames {
  /** Where they may stand. */
  readonly kind: NameKind;
  /** New names by real ones. */
  readonly names: NamePairs;
}

const NOTHING = new Uint8Array(0);

/** Rewrites bodies by one region map. */
export class Rewriter {
  readonly #search: RegionSearch;
  readonly #replacements: readonly DataView[];
  readonly #growths: readonly number[];

  /**
   * Prepares the search once, for any number of bodies.
   *
   * @param map emulated regions by real ones
   * @param others names of other kinds that are replaced in the same pass
   * @throws {RangeError} for a real region of no byte or of more than 255
   */
  constructor(map: RegionMap, others: readonly OtherNames[] = []) {
    const encoder = new TextEncoder();
    const all = [{ kind: "region", names: [...map] } as const, ...others]
      .flatMap(({ kind, names }) =>
        names.map(([real, name]) => ({ kind, real, name }))
      );
    const names = all.map(({ real }) => encoder.encode(real));
    this.#search = new RegionSearch(names, all.map(({ kind }) => kind));
    this.#replacements = all.map(({ name }) => viewOf(encoder.encode(name)));
    this.#growths = this.#replacements.map((replacement, id) =>
      replacement.byteLength - (names[id]?.length ?? 0)
    );
  }

  /** Whether nothing is ever rewritten. */
  get empty(): boolean {
    return this.#replacements.length === 0;
  }

  /**
   * Rewrites a whole body.
   *
   * @returns the same array when no region stands in it, else a new one
   */
  rewrite(bytes: Uint8Array): Uint8Array {
    const matches: number[] = [];
    this.#search.scan(bytes, 0, true, matches);
    return this.#replace(bytes, matches);
  }

  /**
   * Rewrites one body chunk by chunk, into the same bytes as
   * {@linkcode Rewriter.rewrite} would, whatever the chunks. It holds back at
   * most the longest region and one byte, and only what may be a region.
   */
  stream(): RewriteStream {
    let held = NOTHING;
    let before = 0;
    let changed = false;
    const advance = (chunk: Uint8Array, final: boolean): Uint8Array => {
      const bytes = held.length === 0 ? chunk : joined(held, chunk);
      const matches: number[] = [];
      const settled = this.#search.scan(bytes, before, final, matches);
      held = settled < bytes.length ? bytes.slice(settled) : NOTHING;
      if (matches.length > 0) changed = true;
      if (settled > 0) before = bytes[settled - 1] as number;
      return this.#replace(
        settled < bytes.length ? bytes.subarray(0, settled) : bytes,
        matches,
      );
    };
    return {
      get changed() {
        return changed;
      },
      push: (chunk) => advance(chunk, false),
      end: () => advance(NOTHING, true),
    };
  }

  /** Puts the emulated names in; `matches` as the search leaves them. */
  #replace(bytes: Uint8Array, matches: readonly number[]): Uint8Array {
    if (matches.length === 0) return bytes;
    let length = bytes.length;
    for (let i = 1; i < matches.length; i += 2) {
      length += this.#growths[matches[i] as number] as number;
    }
    const output = new Uint8Array(length);
    const target = viewOf(output);
    const source = viewOf(bytes);
    let read = 0;
    let written = 0;
    for (let i = 0; i < matches.length; i += 2) {
      const at = matches[i] as number;
      const id = matches[i + 1] as number;
      const replacement = this.#replacements[id] as DataView;
      written = copy(source, read, at, target, written);
      written = copy(replacement, 0, replacement.byteLength, target, written);
      read = at + replacement.byteLength - (this.#growths[id] as number);
    }
    copy(source, read, bytes.length, target, written);
    return output;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Up to this many bytes a loop beats a native copy; measured. */
const SHORT = 512;

/** Copies a part of `source` to `at` in `target`; returns the place after. */
function copy(
  source: DataView,
  from: number,
  to: number,
  target: DataView,
  at: number,
): number {
  if (to - from > SHORT) {
    const part = new Uint8Array(
      source.buffer,
      source.byteOffset + from,
      to - from,
    );
    new Uint8Array(target.buffer).set(part, at);
    return at + to - from;
  }
  const end = at + to - from;
  if (to - from < 8) {
    for (let read = from, next = at; next < end; read++, next++) {
      target.setUint8(next, source.getUint8(read));
    }
    return end;
  }
  // The last eight bytes overlap those before.
  const last = end - 8;
  for (let read = from, next = at; next < last; read += 8, next += 8) {
    target.setBigUint64(next, source.getBigUint64(read));
  }
  target.setBigUint64(last, source.getBigUint64(to - 8));
  return end;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
