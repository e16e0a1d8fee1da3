/**
 * Fixed answers for paths, as a profile or the configuration file has them.
 *
 * @module
 */
import type { Override } from "./profile.ts";
import { type ReadTextFile, reasonOf, type YamlValue } from "./yaml.ts";

/** The key of a file under which overrides stand. */
export const OVERRIDES = "overrides";

/**
 * The most characters of one text: four times what the service takes as user
 * data.
 */
const MOST_CHARACTERS = 64 * 1024;

/** The most characters of all, as they go to the child in one message. */
const MOST_TOGETHER = 256 * 1024;

/** A path from the root, in which `*` is a whole segment. */
const PATH = /^\/?(?:\*|[^\s*/?#]+)(?:\/(?:\*|[^\s*/?#]+))*\/?$/;

/** A path that leads to no other folder than those below. */
const BELOW = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\0]+$/s;

const KINDS = ["text", "file", "status", "fields"] as const;

/**
 * Reads overrides: a mapping from paths to what holds there. What stands there
 * may be secret, such as user data, so that no error repeats it.
 *
 * @param given the mapping
 * @param readFile reads the file of an override
 * @throws {UsageError} for a path that is none, for an override that is not
 * exactly one of text, file, status and fields, and for texts too large
 */
export function parseOverrides(
  given: YamlValue,
  readFile: ReadTextFile,
): readonly Override[] {
  const overrides = given.withheld();
  const parsed = overrides.entries("a mapping of paths to answers")
    .map(([path, value]) => parseOverride(path, value, readFile));
  if (JSON.stringify(parsed).length > MOST_TOGETHER) {
    overrides.refuse(
      `texts of ${MOST_TOGETHER / 1024} KiB as JSON in all at most`,
    );
  }
  return parsed;
}

function parseOverride(
  path: string,
  value: YamlValue,
  readFile: ReadTextFile,
): Override {
  if (!PATH.test(path)) {
    value.refuse(
      `a path as its key, such as "*/meta-data/tags", where * is a whole segment`,
    );
  }
  const keys = value.keys(KINDS);
  const [kind, ...others] = KINDS.filter((it) => keys[it].value !== undefined);
  if (kind === undefined || others.length > 0) {
    return value.refuse(`exactly one of ${KINDS.join(", ")}`);
  }
  const one = keys[kind];
  switch (kind) {
    case "text":
      return { path, kind, text: requireText(one) };
    case "file":
      return { path, kind: "text", text: contentsOf(one, readFile) };
    case "status":
      return one.value === 404 ? { path, kind: "absent" } : one.refuse("404");
    case "fields": {
      const fields = one.entries("a mapping of fields to texts");
      if (fields.length === 0) one.refuse("at least one field");
      const texts = fields.map(([name, it]) => [name, requireText(it)]);
      return { path, kind, fields: Object.fromEntries(texts) };
    }
  }
}

function requireText(value: YamlValue): string {
  const expected = `text of ${
    MOST_CHARACTERS / 1024
  } KiB at most, in quotes where YAML takes it for something else`;
  const text = value.text(expected) ?? "";
  return text.length > MOST_CHARACTERS ? value.refuse(expected) : text;
}

function contentsOf(value: YamlValue, readFile: ReadTextFile): string {
  const path = value.text(
    "the path of a file beside this one, not from / and without ..",
    BELOW,
  ) ?? "";
  let text;
  try {
    text = readFile(path);
  } catch (cause) {
    // Without its path: it may be what was meant to stand in the file.
    return value.refuse(`a file that can be read: ${reasonOf(cause)}`);
  }
  return text.length > MOST_CHARACTERS
    ? value.refuse(`a file of ${MOST_CHARACTERS / 1024} KiB at most`)
    : text;
}
