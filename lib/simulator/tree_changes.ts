/**
 * Changes to a metadata tree: directories merge, everything else replaces.
 *
 * @module
 */
import {
  isDirectory,
  type MetadataDirectory,
  type MetadataLeaf,
  type MetadataNode,
} from "./metadata_tree.ts";

/** A new leaf, changes below a directory, or `null`, which takes away. */
export type Change = MetadataLeaf | ChangeDirectory | null;

/** Changes by name. */
export interface ChangeDirectory {
  /** One path segment's worth. */
  readonly [name: string]: Change;
}

/**
 * Applies changes.
 *
 * @param base what is there already; it is left alone
 * @param changes what to add, replace or take away
 */
export function applyChanges(
  base: MetadataDirectory,
  changes: ChangeDirectory,
): MetadataDirectory {
  const result = new Map<string, MetadataNode>(Object.entries(base));
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) {
      result.delete(name);
    } else if (isLeaf(change)) {
      result.set(name, change);
    } else {
      const old = result.get(name);
      const inner = old !== undefined && isDirectory(old) ? old : {};
      result.set(name, applyChanges(inner, change));
    }
  }
  return Object.fromEntries(result);
}

function isLeaf(
  change: MetadataLeaf | ChangeDirectory,
): change is MetadataLeaf {
  return typeof change !== "object" || change instanceof Uint8Array;
}
