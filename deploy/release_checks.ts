/**
 * What must hold before a release is made: pure decisions on what git and the
 * files say.
 *
 * @module
 */

/** What is looked at. */
export interface ReleaseState {
  /** What `git status --porcelain` says. */
  readonly status: string;
  /** The version in deno.json. */
  readonly version: string;
  /** CHANGELOG.md. */
  readonly changelog: string;
}

/**
 * Why no release can be made of this; `undefined` when one can.
 *
 * @param state what git and the files say
 */
export function obstacle(
  { status, version, changelog }: ReleaseState,
): string | undefined {
  if (status !== "") {
    return `the tree is not clean:\n${status}`;
  }
  if (notesOf(changelog, version) === "") {
    return `CHANGELOG.md has no entry "## ${version}"`;
  }
  return undefined;
}

/**
 * What is odd about the runtime of an executable; `undefined` where nothing is.
 *
 * @param found its release of Deno; `undefined` where that cannot be told
 * @param pinned .deno-version
 */
export function runtimeWarning(
  found: string | undefined,
  pinned: string,
): string | undefined {
  const wanted = pinned.trim();
  return found === undefined || found === wanted
    ? undefined
    : `the runtime is Deno ${found}, but .deno-version says ${wanted}: see DENORT_BIN`;
}

/** What a changelog says of a version, which may have a date behind it. */
function notesOf(changelog: string, version: string): string {
  const section = changelog.split(/^## /m)
    .find((text) => text.split(/\s/, 1)[0] === version);
  return section?.replace(/^.*\n?/, "").trim() ?? "";
}
