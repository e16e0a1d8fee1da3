/**
 * Replaces real names by emulated ones in bodies, whole or chunk by chunk: one
 * regular expression finds them in one pass over the bytes as text.
 *
 * @module
 */
import { concat } from "../system/bytes.ts";
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

/** One character a byte, so that offsets are the same; ASCII is ASCII. */
const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** A name that was found. */
interface Match {
  readonly start: number;
  readonly end: number;
  readonly replacement: Uint8Array;
}

/** Rewrites bodies by one region map. */
export class Rewriter {
  readonly #replacements = new Map<string, Uint8Array>();
  readonly #name: RegExp;
  readonly #openName: RegExp;
  readonly #longest: number;

  /**
   * Prepares the search once, for any number of bodies.
   *
   * @param map emulated regions by real ones
   * @param others names of other kinds that are replaced in the same pass
   * @throws {RangeError} for a real name of 0 bytes
   */
  constructor(map: RegionMap, others: readonly OtherNames[] = []) {
    const all = [{ kind: "region", names: [...map] } as const, ...others]
      .flatMap(({ kind, names }) =>
        names.map(([real, name]) => ({ kind, real, name }))
      )
      .sort((one, other) => other.real.length - one.real.length);
    for (const { real, name } of all) {
      if (real === "") throw new RangeError("Cannot replace a name of 0 bytes");
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
    const { matches } = this.#search(latin1.decode(bytes), 0, true);
    return replaced(bytes, matches);
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
      const from = before.length;
      const text = before + latin1.decode(bytes);
      const { matches, settled } = this.#search(text, from, final);
      held = bytes.slice(settled);
      before = text.slice(0, from + settled).slice(-1);
      if (matches.length > 0) changed = true;
      return replaced(
        settled === bytes.length ? bytes : bytes.subarray(0, settled),
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

  /**
   * Finds every name, leftmost first and at one place the longest.
   *
   * @param text the character before the bytes, if there is one, and the bytes
   * @param from where the bytes begin
   * @param final whether the body ends with the text
   * @returns the names, and how many bytes can be decided on without more;
   * both count from `from`
   */
  #search(
    text: string,
    from: number,
    final: boolean,
  ): { readonly matches: readonly Match[]; readonly settled: number } {
    const matches: Match[] = [];
    let at = from;
    let open = final ? text.length : this.#openFrom(text, at);
    while (at < open) {
      this.#name.lastIndex = at;
      const found = this.#name.exec(text);
      if (found === null || found.index >= open) break;
      const [real] = found;
      at = found.index + real.length;
      matches.push({
        start: found.index - from,
        end: at - from,
        replacement: this.#replacements.get(real) ?? NOTHING,
      });
      // What began within this name begins none of its own.
      if (at > open) open = this.#openFrom(text, at);
    }
    return { matches, settled: open - from };
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

/** Puts the emulated names in; the same array where there are none. */
function replaced(bytes: Uint8Array, matches: readonly Match[]): Uint8Array {
  if (matches.length === 0) return bytes;
  let length = bytes.length;
  for (const { start, end, replacement } of matches) {
    length += replacement.length - (end - start);
  }
  const output = new Uint8Array(length);
  let read = 0;
  let written = 0;
  for (const { start, end, replacement } of matches) {
    output.set(bytes.subarray(read, start), written);
    written += start - read;
    output.set(replacement, written);
    written += replacement.length;
    read = end;
  }
  output.set(bytes.subarray(read), written);
  return output;
}
