/**
 * The files of the repository, for tests that read the house itself.
 *
 * @module
 */

/** The folder that holds everything. */
export const REPOSITORY = new URL("../../", import.meta.url);

/** One file of the repository. */
export interface SourceFile {
  /** Its path from the repository's folder. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
}

/**
 * Reads a file, or every file below a folder.
 *
 * @param path from the repository's folder; nothing where it does not exist
 */
export function sourceFiles(path: string): SourceFile[] {
  const url = new URL(path, REPOSITORY);
  try {
    if (Deno.statSync(url).isFile) {
      return [{ path, text: Deno.readTextFileSync(url) }];
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return [...Deno.readDirSync(url)]
    .filter((entry) => !entry.isSymlink)
    .flatMap((entry) => sourceFiles(`${path}/${entry.name}`));
}

/** A folder of its own, gone at disposal. */
export async function createFolder(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir({ prefix: "c2s-imds-test-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Where what takes long to make is kept, outside the checkout. */
export async function cacheFolder(): Promise<string> {
  const caches = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  await Deno.mkdir(`${caches}/c2s-imds`, { recursive: true });
  return `${caches}/c2s-imds`;
}
