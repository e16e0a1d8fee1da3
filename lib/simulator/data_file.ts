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
import {
  isMapping,
  type ReadTextFile,
  readYaml,
  type YamlValue,
} from "../config/yaml.ts";
import {
  isDirectory,
  type MetadataNode,
  type MetadataTree,
} from "./metadata_tree.ts";

const KEYS = [
  ...["replace", "meta-data", "dynamic", "user-data", "openstack"] as const,
];

/** Deeper than any path of the service; an alias to itself ends here. */
const DEEPEST = 16;

/**
 * Reads a data file and applies it.
 *
 * @param path where it is
 * @param readTextFile reads it
 * @param base what it extends unless it says `replace: true`
 * @throws {UsageError} for what cannot be read or is not YAML, unknown keys and
 * wrong types, naming the file, the place and what was expected
 */
export function readDataFile(
  path: string,
  readTextFile: ReadTextFile,
  base: MetadataTree,
): MetadataTree {
  const { replace, ...sections } = readYaml("data file", path, readTextFile)
    .keys(KEYS);
  const replaces = replace.value ?? false;
  if (typeof replaces !== "boolean") replace.refuse("true or false");
  const tree = new Map<string, MetadataNode>(
    replaces ? [] : Object.entries(base),
  );
  for (const [name, section] of Object.entries(sections)) {
    if (section.value === undefined) continue;
    if (name === "user-data" && isMapping(section.value)) {
      section.refuse("text, !!binary or null");
    }
    if (name !== "user-data" && isLeaf(section.value)) {
      section.withheld().refuse("a mapping or null");
    }
    // User data may be secret.
    apply(tree, name, section.withheld(), 1);
  }
  return Object.fromEntries(tree);
}

/** Sets, merges or removes one name of a directory. */
function apply(
  directory: Map<string, MetadataNode>,
  name: string,
  given: YamlValue,
  depth: number,
): void {
  if (given.value === null) directory.delete(name);
  else directory.set(name, merged(directory.get(name), given, depth));
}

function isLeaf(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

function merged(
  old: MetadataNode | undefined,
  given: YamlValue,
  depth: number,
): MetadataNode {
  if (depth > DEEPEST) given.refuse(`at most ${DEEPEST} levels`);
  const { value } = given;
  if (isLeaf(value)) {
    return typeof value === "string" ? value : new Uint8Array(value);
  }
  const children = new Map<string, MetadataNode>(
    old !== undefined && isDirectory(old) ? Object.entries(old) : [],
  );
  const expected = "text in quotes, !!binary, a mapping or null";
  for (const [name, child] of given.entries(expected)) {
    if (name === "" || name.includes("/")) {
      child.refuse("one segment of a path as its name");
    }
    apply(children, name, child, depth + 1);
  }
  return Object.fromEntries(children);
}
