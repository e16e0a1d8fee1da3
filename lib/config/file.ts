/**
 * Options from a YAML file, whose keys are the flags without dashes in front.
 *
 * @module
 */
import { parse } from "@std/yaml";
import type { Givens } from "./given.ts";
import type { Option } from "./options.ts";
import { oneLine, quote } from "./quote.ts";
import { nearest } from "./suggestion.ts";
import { UsageError } from "./usage_error.ts";

/** Reads a whole text file. */
export type ReadTextFile = (path: string) => string;

/**
 * Reads the options that a YAML file gives.
 *
 * @param path where the file is
 * @param readTextFile reads it
 * @param options the options it may give
 * @throws {UsageError} for a file that cannot be read, is no YAML or no
 * mapping, for an unknown key, and for a value of the wrong kind
 */
export function fromFile(
  path: string,
  readTextFile: ReadTextFile,
  options: readonly Option[],
): Givens {
  const document = parseFile(path, readTextFile);
  if (document === null) return new Map();
  if (!isMapping(document)) {
    throw new UsageError(
      `Cannot read configuration file ${quote(path)}: ` +
        `expected a mapping, found ${kindOf(document)}`,
    );
  }
  return new Map(
    Object.entries(document).map(([key, value]) => {
      const option = options.find(({ name }) => name === key);
      if (option === undefined) {
        throw new UsageError(unknownKey(key, path, options));
      }
      const source = `key ${quote(key)} in ${quote(path)}`;
      const texts = textsOf(value, option) ?? wrongKind(value, option, source);
      return [key, texts.map((text) => ({ text, source }))];
    }),
  );
}

function parseFile(path: string, readTextFile: ReadTextFile): unknown {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (cause) {
    throw new UsageError(
      `Cannot read configuration file ${quote(path)}: ${reasonOf(cause)}`,
      { cause },
    );
  }
  try {
    return parse(text);
  } catch (cause) {
    // The lines after the first show the place, which the first one names.
    const [what = ""] = cause instanceof Error ? cause.message.split("\n") : [];
    throw new UsageError(
      `Cannot read configuration file ${quote(path)}: ` +
        `expected YAML: ${oneLine(what.replace(/:$/, ""))}`,
      { cause },
    );
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return oneLine(error instanceof Error ? error.message : String(error));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (typeof value === "string") return quote(value);
  if (value instanceof Date) return "a date";
  return typeof value === "object" ? "binary data" : String(value);
}

/** The values as they would be written; `undefined` for the wrong kind. */
function textsOf(value: unknown, option: Option): string[] | undefined {
  if (option.value === undefined) {
    return typeof value === "boolean" ? [String(value)] : undefined;
  }
  if (option.repeatable && Array.isArray(value) && value.length > 0) {
    return allTexts(value);
  }
  if (option.pairs && isMapping(value)) {
    const entries = Object.entries(value);
    return allTexts(entries.map(([, right]) => right))
      ?.map((right, i) => `${entries[i]?.[0]}=${right}`);
  }
  return allTexts([value]);
}

function allTexts(values: readonly unknown[]): string[] | undefined {
  const scalars = values.filter((value) =>
    typeof value === "string" || typeof value === "number"
  );
  const whole = scalars.length > 0 && scalars.length === values.length;
  return whole ? scalars.map(String) : undefined;
}

function wrongKind(value: unknown, option: Option, source: string): never {
  const one = option.value ?? "true or false without quotes";
  const expected = option.repeatable ? `${one} or a list of them` : one;
  throw new UsageError(
    `Cannot use ${kindOf(value)} for ${source}: expected ${expected}`,
  );
}

function unknownKey(
  key: string,
  path: string,
  options: readonly Option[],
): string {
  const near = nearest(key, options.map(({ name }) => name));
  const hint = near === undefined ? "see --help" : `did you mean "${near}"?`;
  return `Unknown key ${quote(key)} in ${quote(path)}: ${hint}`;
}
