/**
 * The data file of `simulate`: YAML that extends the default instance or
 * stands in its place.
 *
 * ```yaml
 * replace: false        # true: begin with nothing instead of the default
 * meta-data:            # /VERSION/meta-data/…
 *   placement:
 *     availability-zone: us-east-1c
 *   ami-launch-index: "0"
 *   tags: null          # removed: answers 404
 * dynamic: {}           # /VERSION/dynamic/…
 * user-data: !!binary H4sIAAAAAAAAAwMAAAAAAAAAAAA=
 * openstack:            # /openstack/VERSION/…
 *   vendor_data.json: "{}"
 * ```
 *
 * Mappings merge, everything else replaces. A leaf is text or `!!binary`;
 * numbers and truth values must be quoted, so that no YAML reader can change
 * their spelling.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";
import { nearest } from "../cli/suggestion.ts";
import { parseYaml } from "../config/yaml.ts";
import {
  isDirectory,
  type MetadataNode,
  type MetadataTree,
} from "./metadata_tree.ts";

/** What the file is called in an error. */
export const DATA = "data file";

/** What each key of the file holds. */
const SECTIONS: Readonly<Record<string, Expected>> = {
  "meta-data": "mapping",
  dynamic: "mapping",
  "user-data": "leaf",
  openstack: "mapping",
};

type Expected = "mapping" | "leaf" | "node";

const EXPECTATION: Readonly<Record<Expected, string>> = {
  mapping: "a mapping or null",
  leaf: "text, !!binary or null",
  node: "text, !!binary, a mapping or null",
};

/** Deeper than any path of the service; an alias to itself ends here. */
const DEEPEST = 16;

/**
 * Reads a data file and applies it.
 *
 * @param text the file
 * @param file its name, for errors
 * @param base what it extends unless it says `replace: true`
 * @throws {UsageError} for what is not YAML, unknown keys and wrong types,
 * naming the file, the place and what was expected
 */
export function treeFromData(
  text: string,
  file: string,
  base: MetadataTree,
): MetadataTree {
  const fail = (reason: string): never => {
    throw new UsageError(`Cannot read ${DATA} ${quote(file)}: ${reason}`);
  };
  const data = parseYaml(DATA, file, text);
  if (data === null) return base;
  if (!isMapping(data)) {
    return fail(`expected a mapping, got ${describe(data)}`);
  }
  const { replace = false, ...sections } = data;
  if (typeof replace !== "boolean") {
    return fail(
      `expected true or false at "replace", got ${describe(replace)}`,
    );
  }
  const tree = new Map<string, MetadataNode>(
    replace ? [] : Object.entries(base),
  );
  for (const [name, value] of Object.entries(sections)) {
    const expected = Object.hasOwn(SECTIONS, name) ? SECTIONS[name] : undefined;
    if (expected === undefined) return fail(unknownKey(name));
    change(tree, name, value, { path: [name], expected, fail });
  }
  return Object.fromEntries(tree);
}

type Fail = (reason: string) => never;

function unknownKey(name: string): string {
  const known = ["replace", ...Object.keys(SECTIONS)];
  const near = nearest(name, known);
  return `unknown key ${quote(name)}, expected ${
    near === undefined ? known.join(", ") : `"${near}"`
  }`;
}

/** Where a value stands in the file, and what it must be. */
interface Place {
  readonly path: readonly string[];
  readonly expected: Expected;
  readonly fail: Fail;
}

/** Sets, merges or removes one name of a directory. */
function change(
  directory: Map<string, MetadataNode>,
  name: string,
  value: unknown,
  place: Place,
): void {
  if (value === null) directory.delete(name);
  else directory.set(name, changed(directory.get(name), value, place));
}

/** What becomes of a node: mappings merge, everything else replaces. */
function changed(
  old: MetadataNode | undefined,
  value: unknown,
  { path, expected, fail }: Place,
): MetadataNode {
  const place = quote(path.join("/"));
  if (path.length > DEEPEST) {
    return fail(`expected at most ${DEEPEST} levels, got more at ${place}`);
  }
  if (expected !== "mapping" && typeof value === "string") return value;
  if (expected !== "mapping" && value instanceof Uint8Array) {
    return new Uint8Array(value);
  }
  if (expected === "leaf" || !isMapping(value)) {
    return fail(
      `expected ${EXPECTATION[expected]} at ${place}, got ${describe(value)}`,
    );
  }
  const children = new Map<string, MetadataNode>(
    old !== undefined && isDirectory(old) ? Object.entries(old) : [],
  );
  for (const [name, child] of Object.entries(value)) {
    if (name === "" || name.includes("/")) {
      fail(`expected one path segment for ${quote(name)} at ${place}`);
    }
    change(children, name, child, {
      path: [...path, name],
      expected: "node",
      fail,
    });
  }
  return Object.fromEntries(children);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Uint8Array) &&
    !(value instanceof Date);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "!!binary";
  if (value instanceof Date) return "a time (quote it)";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "a number (quote it)";
    case "boolean":
      return "a truth value (quote it)";
    default:
      return "a mapping";
  }
}
