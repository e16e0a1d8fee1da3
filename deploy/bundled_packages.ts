/**
 * Which packages are in the executable, told from the sources of its bundle.
 *
 * @module
 */

/** The part of a `deno.lock` that is read here. */
export interface LockFile {
  /** The packages from JSR, by name and version. */
  readonly jsr?: Readonly<Record<string, LockedPackage>>;
  /** The packages from npm, by name and version. */
  readonly npm?: Readonly<Record<string, LockedPackage>>;
}

/** One package of a lock. */
export interface LockedPackage {
  /**
   * What it must be: from npm the hash of its archive as `sha512-BASE64`, from
   * JSR the SHA-256 of its manifest in hexadecimal.
   */
  readonly integrity?: string;
}

/** One package in the executable. */
export interface BundledPackage {
  /** Where it is from. */
  readonly registry: "JSR" | "npm";
  /** Its name, with its scope. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** {@linkcode LockedPackage.integrity} */
  readonly integrity: string;
}

/** The project's own sources, from its folder. */
const OWN = /^(?:main\.ts|deno\.json|lib\/|deploy\/offline\/)/;

/**
 * Finds the packages, sorted by name.
 *
 * @param sources the files and addresses in the bundle
 * @param lock the lock of the imports it was made from
 * @param folder the project's folder, with a slash at the end
 * @throws {Error} that names a source which no package has
 */
export function bundledPackages(
  sources: readonly string[],
  lock: LockFile,
  folder: string,
): BundledPackage[] {
  const locked = [
    ...packagesOf("JSR", lock.jsr),
    ...packagesOf("npm", lock.npm),
  ];
  const found = new Set<BundledPackage>();
  for (const source of sources) {
    const one = locked.find(({ name, version }) =>
      source.includes(`/${name}/${version}/`)
    );
    if (one !== undefined) {
      found.add(one);
    } else if (
      !(source.startsWith(folder) && OWN.test(source.slice(folder.length)))
    ) {
      throw new Error(`Cannot tell which package has "${source}"`);
    }
  }
  return locked.filter((one) => found.has(one))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function packagesOf(
  registry: BundledPackage["registry"],
  locked: LockFile["npm"] = {},
): BundledPackage[] {
  return Object.entries(locked).map(([key, { integrity = "" }]) => {
    // Behind `_` stands what an npm package was resolved with.
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    return { registry, name, version, integrity };
  });
}
