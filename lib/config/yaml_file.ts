/**
 * YAML files that people write: read whole, and refused with the file, the key
 * and what was expected.
 *
 * @module
 */
import { parse } from "@std/yaml";
import { oneLine, quote, UsageError } from "../cli/message.ts";
import { nearest } from "../cli/suggestion.ts";

/** How a file is read. */
export interface ReadOptions {
  /** The folder it must lie in, links followed; then a pipe is refused, too. */
  readonly folder?: string;
}

/** Reads a whole text file. */
export type ReadTextFile = (path: string, options?: ReadOptions) => string;

/**
 * Reads and parses a YAML file.
 *
 * @param what what the file is called in an error
 * @param path where it is
 * @param readTextFile reads it
 * @returns `null` for an empty file
 * @throws {UsageError} for a file that cannot be read or is no YAML
 */
export function readYaml(
  what: string,
  path: string,
  readTextFile: ReadTextFile,
): unknown {
  return parseYaml(what, path, readText(what, path, readTextFile));
}

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
 * Parses YAML.
 *
 * @param what what the file is called in an error
 * @param path where it is
 * @param text its text
 * @throws {UsageError} for what is no YAML
 */
export function parseYaml(what: string, path: string, text: string): unknown {
  try {
    return parse(text);
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
  const text = error instanceof Error ? error.message : String(error);
  // What follows is the system's number, and the path once more.
  return oneLine(text.replace(/ \(os error \d+\).*$/s, ""));
}

/** Whether a parsed value is a mapping. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * Of what kind a parsed value is, as it follows "found" or "Cannot use". The
 * value itself is not in it: it may be secret.
 */
export function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (value instanceof Date) return "a date";
  return KINDS[typeof value] ?? "binary data";
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
};

/** A parsed value that is no secret: itself, or its kind where that is long. */
export function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  return typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : kindOf(value);
}

/**
 * Says that a key is unknown.
 *
 * @param key the key
 * @param path where it stands
 * @param known the keys there are
 */
export function unknownKey(
  key: string,
  path: string,
  known: readonly string[],
): string {
  const near = nearest(key, known);
  const hint = near === undefined ? "see --help" : `did you mean "${near}"?`;
  return `Unknown key ${quote(key)} in ${quote(path)}: ${hint}`;
}
