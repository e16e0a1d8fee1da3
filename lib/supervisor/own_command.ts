/**
 * How this program starts itself once more.
 *
 * @module
 */

/** A command line and its environment. */
export interface OwnCommand {
  /** The executable. */
  readonly path: string;
  /** The arguments before the program's own. */
  readonly args: readonly string[];
  /** The environment it needs, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** What the user it is started as must be able to read. */
  readonly reads: readonly string[];
}

const ROOT = new URL("../../", import.meta.url);

/** The permissions the child needs to start, and from source to load. */
const CHILD_PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-env",
  "--allow-sys=networkInterfaces,uid",
];

/**
 * The command that starts this very program: the executable itself, or Deno
 * with the imports it was loaded with.
 *
 * @param cache the folder of Deno's cache, for a start from source
 */
export function ownCommand(cache: string | undefined): OwnCommand {
  if (Deno.build.standalone) {
    return {
      // The name that works from a folder closed to the other user, too.
      path: "/proc/self/exe",
      args: [],
      // Deno looks its permitted programs up at start and fails without a
      // PATH; in this one it finds none, and the child runs none.
      env: { PATH: "/proc/self/fd" },
      reads: [],
    };
  }
  const offline = new URL("deploy/offline/", ROOT).pathname;
  const map = import.meta.resolve("@std/yaml").startsWith("jsr:")
    ? []
    : [`--import-map=${offline}imports.json`, `--lock=${offline}deno.lock`];
  const main = new URL("main.ts", ROOT).pathname;
  return {
    path: Deno.execPath(),
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "--cached-only",
      "--frozen",
      `--config=${new URL("deno.json", ROOT).pathname}`,
      ...map,
      ...CHILD_PERMISSIONS,
      main,
    ],
    env: cache === undefined ? {} : { DENO_DIR: cache },
    reads: [
      Deno.execPath(),
      main,
      ...(cache === undefined ? [] : [cache]),
    ],
  };
}
