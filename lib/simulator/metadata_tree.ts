/**
 * The data of a simulated metadata service as a value: directories, leaves,
 * and how a path finds one and a directory is listed.
 *
 * @module
 */

/** A leaf's bytes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * What a path answers: text, bytes, or text that depends on the clock, which
 * is handed in as milliseconds since 1970.
 */
export type MetadataLeaf = string | Bytes | ((now: number) => string);

/**
 * Leaves and directories by name. A directory called `0=NAME` is listed so and
 * found under `0`, as the service does it for `public-keys`.
 */
export interface MetadataDirectory {
  /** One path segment's worth. */
  readonly [name: string]: MetadataNode;
}

/** A leaf or a directory. */
export type MetadataNode = MetadataLeaf | MetadataDirectory;

/** Everything a simulated service knows; a section left out answers 404. */
export interface MetadataTree {
  /** `/VERSION/meta-data/…` */
  readonly "meta-data"?: MetadataDirectory;
  /** `/VERSION/dynamic/…` */
  readonly dynamic?: MetadataDirectory;
  /** `/VERSION/user-data` */
  readonly "user-data"?: MetadataLeaf;
  /** `/openstack/VERSION/…` */
  readonly openstack?: MetadataDirectory;
}

/**
 * Whether a node is a directory.
 *
 * @param node the node in question
 */
export function isDirectory(node: MetadataNode): node is MetadataDirectory {
  return typeof node === "object" && !(node instanceof Uint8Array);
}

/**
 * Finds what a path names.
 *
 * @param root where the path begins
 * @param segments the path, decoded; empty names the root itself
 * @returns `undefined` where there is nothing
 */
export function findNode(
  root: MetadataNode,
  segments: readonly string[],
): MetadataNode | undefined {
  let node: MetadataNode | undefined = root;
  for (const segment of segments) {
    if (node === undefined || !isDirectory(node)) return undefined;
    node = child(node, segment);
  }
  return node;
}

function child(
  directory: MetadataDirectory,
  name: string,
): MetadataNode | undefined {
  if (Object.hasOwn(directory, name)) return directory[name];
  const numbered = Object.keys(directory).find((key) =>
    key.startsWith(`${name}=`) && /^\d+$/.test(name)
  );
  return numbered === undefined ? undefined : directory[numbered];
}

/**
 * Lists a directory the way EC2 does: sorted, a slash after subdirectories,
 * line feeds between the names and none at the end.
 *
 * @param directory the directory to list
 */
export function listDirectory(directory: MetadataDirectory): string {
  return Object.entries(directory)
    .map(([name, node]) =>
      isDirectory(node) && !/^\d+=/.test(name) ? `${name}/` : name
    )
    .sort()
    .join("\n");
}

/**
 * What a leaf answers.
 *
 * @param leaf the leaf to read
 * @param now the time, in milliseconds since 1970
 */
export function readLeaf(leaf: MetadataLeaf, now: number): string | Bytes {
  return typeof leaf === "function" ? leaf(now) : leaf;
}
