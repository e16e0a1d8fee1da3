/**
 * YAML files that people write: read whole, and refused with the file, the key
 * and what was expected.
 *
 * @module
 */
import { parse } from "@std/yaml";
import type { Io } from "../cli/command.ts";
import {
  messageOf,
  oneLine,
  quote,
  unknown,
  UsageError,
} from "../cli/message.ts";

/** Reads a whole text file. */
export type ReadTextFile = Io["readTextFile"];

/**
 * Reads a text file.
 *
 * @param what what the file is called in an error
 * @param path where it is
 * @param readTextFile reads it
 * @throws {UsageError} for a file that cannot be read
 */
export function readText(
  what: string,
  path: string,
  readTextFile: ReadTextFile,
): string {
  try {
    return readTextFile(path);
  } catch (cause) {
    throw new UsageError(
      `Cannot read ${what} ${quote(path)}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/**
 * Reads and parses a YAML file; an empty one is an empty mapping.
 *
 * @param what what the file is called in an error
 * @param path where it is
 * @param readTextFile reads it
 * @throws {UsageError} for a file that cannot be read or is no YAML
 */
export function readYaml(
  what: string,
  path: string,
  readTextFile: ReadTextFile,
): YamlValue {
  const text = readText(what, path, readTextFile);
  const at = { file: path, keys: [], isSecret: false };
  try {
    return new YamlValue(parse(text) ?? {}, at);
  } catch (cause) {
    throw new UsageError(
      `Cannot read ${what} ${quote(path)}: expected YAML: ${faultOf(cause)}`,
      { cause },
    );
  }
}

/** Where the parser says what is wrong; a copy of the text there follows. */
const PLACE = / at line \d+, column \d+(?=:?(?:\n|$))/;

/** From where on a reason repeats what the file holds: a tag, an alias. */
const REPEATED = /(?:["'`!]|(?<=characters: )).*$/;

/** The reason and the place, with nothing of the file, which may be secret. */
function faultOf(cause: unknown): string {
  // The parser calls itself for every level.
  if (cause instanceof RangeError) return "nested too deeply";
  const text = cause instanceof Error ? cause.message : "";
  const [place = ""] = PLACE.exec(text) ?? [];
  const [line = ""] = text.replace(PLACE, "\n").split("\n");
  return oneLine(line.replace(REPEATED, "…") + place);
}

/** Says in a few words why a file cannot be read. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission";
  // Deno opens none of those under /dev and /proc that lead elsewhere.
  if (error instanceof Deno.errors.NotCapable) {
    return "expected the path of a file";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  const text = messageOf(error);
  // What follows is the system's number, and the path once more.
  return oneLine(text.replace(/ \(os error \d+\).*$/s, ""));
}

/** Whether a parsed value is a mapping. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Where a value stands. */
interface Place {
  /** The file's path. */
  readonly file: string;
  /** The way to it; none to the whole file. */
  readonly keys: readonly string[];
  /** Whether it may be secret, so that errors name its kind alone. */
  readonly isSecret: boolean;
}

/** A value inside a YAML file that knows where it stands. */
export class YamlValue {
  /** The value as it was parsed. */
  readonly value: unknown;
  readonly #at: Place;

  /**
   * Wraps the whole of a file, or a value in it.
   *
   * @param value what stands there
   * @param at where
   */
  constructor(value: unknown, at: Place) {
    this.value = value;
    this.#at = at;
  }

  /** The same, with all beneath it, for errors that do not repeat it. */
  withheld(): YamlValue {
    return new YamlValue(this.value, { ...this.#at, isSecret: true });
  }

  /** What another value says where this one says nothing; mappings add up. */
  over(base: YamlValue | undefined): YamlValue {
    return new YamlValue(overlaid(this.value, base?.value), this.#at);
  }

  /** Where it stands, as errors say it: `key "timeout" in "c2s-imds.yaml"`. */
  get place(): string {
    const { file, keys, isSecret } = this.#at;
    if (keys.length === 0) return quote(file);
    // `{text:secret}` lacks a space, and so is a key without a value.
    return isSecret && this.value === null && keys.length > 1
      ? `a key under ${this.#path(keys.slice(0, -1))}`
      : `key ${this.#path(keys)}`;
  }

  /**
   * Refuses the value.
   *
   * @param expected what would have been right, as it follows "expected"
   * @throws {UsageError} always
   */
  refuse(expected: string): never {
    // A file that is one text is not what anybody took it for.
    const isSecret = this.#at.isSecret || this.#at.keys.length === 0;
    const found = shown(this.value, isSecret);
    throw new UsageError(
      `Cannot use ${found} for ${this.place}: expected ${expected}`,
    );
  }

  /** The value of one key, `undefined` within it where there is none. */
  key(key: string): YamlValue {
    return new YamlValue(isMapping(this.value) ? this.value[key] : undefined, {
      ...this.#at,
      keys: [...this.#at.keys, key],
    });
  }

  /**
   * The entries of a mapping; none where there is nothing at all.
   *
   * @param expected what would have been right instead of another kind
   * @throws {UsageError} for what is no mapping
   */
  entries(expected: string): (readonly [key: string, value: YamlValue])[] {
    if (this.value === undefined) return [];
    if (!isMapping(this.value)) this.refuse(expected);
    return Object.keys(this.value).map((key) => [key, this.key(key)]);
  }

  /**
   * The entries of a mapping whose keys are known.
   *
   * @param known the keys there are
   * @param hint what to do where no known key is near
   * @returns a value for every key, `undefined` within it where there is none
   * @throws {UsageError} for another key, and for what is no mapping
   */
  keys<Key extends string>(
    known: readonly Key[],
    hint = `expected ${known.join(", ")}`,
  ): Readonly<Record<Key, YamlValue>> {
    for (const [key, { place }] of this.entries("a mapping")) {
      if (known.some((one) => one === key)) continue;
      const { isSecret, keys } = this.#at;
      const where = isSecret ? `key under ${this.#path(keys)}` : place;
      throw unknown(where, key, known, hint);
    }
    return Object.fromEntries(
      known.map((key) => [key, this.key(key)]),
    ) as Record<Key, YamlValue>;
  }

  /**
   * The value as text; `undefined` where there is none.
   *
   * @param expected what would have been right instead
   * @param pattern what it must be like
   * @throws {UsageError} for another kind, and for other text
   */
  text(expected: string, pattern = /^/): string | undefined {
    const { value } = this;
    if (value === undefined) return undefined;
    if (typeof value === "string" && pattern.test(value)) return value;
    return this.refuse(expected);
  }

  #path(keys: readonly string[]): string {
    return `${quote(keys.join(" > "))} in ${quote(this.#at.file)}`;
  }
}

function overlaid(own: unknown, base: unknown): unknown {
  if (own === undefined) return base;
  if (!isMapping(own) || !isMapping(base)) return own;
  const keys = Object.keys({ ...base, ...own });
  return Object.fromEntries(
    keys.map((key) => [key, overlaid(own[key], base[key])]),
  );
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
};

/** A parsed value in a message: its kind where it is long or may be secret. */
function shown(value: unknown, isSecret: boolean): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (value instanceof Date) return "a date";
  const kind = KINDS[typeof value] ?? "binary data";
  if (isSecret || value instanceof Uint8Array) return kind;
  return typeof value === "string" ? quote(value) : String(value);
}
