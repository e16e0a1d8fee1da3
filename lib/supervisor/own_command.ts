/**
 * How this program starts itself once more.
 *
 * @module
 */
import { importsFromNpm } from "../cli/version.ts";

/** A command line and its environment. */
export interface OwnCommand {
  /** The executable. */
  readonly path: string;
  /** The arguments before the program's own. */
  readonly args: readonly string[];
  /** The environment it needs, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
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
 * @param env the environment this program was started with
 */
export function ownCommand(env: Readonly<Record<string, string>>): OwnCommand {
  if (Deno.build.standalone) {
    // The name that works from a folder closed to the other user, too.
    // Without a PATH Deno would end: it looks up what --allow-run names.
    const env = { PATH: "/" };
    return { path: "/proc/self/exe", args: [], env };
  }
  const file = (path: string) => new URL(path, ROOT).pathname;
  const config = file("deno.json");
  const main = file("main.ts");
  const map = file("deploy/offline/imports.json");
  const isMapped = importsFromNpm();
  const lock = file(isMapped ? "deploy/offline/deno.lock" : "deno.lock");
  const cache = cacheFolder(env);
  return {
    path: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "--cached-only"],
      ...["--frozen", `--config=${config}`, `--lock=${lock}`],
      ...isMapped ? [`--import-map=${map}`] : [],
      // As the executable, which deploy/compile.ts makes so: the default lets
      // dead objects take some 50 MB more.
      "--v8-flags=--max-semi-space-size=4",
      ...CHILD_PERMISSIONS,
      main,
    ],
    env: cache === undefined ? {} : { DENO_DIR: cache },
  };
}

/** Where Deno keeps its cache; the child has no home to find it by. */
function cacheFolder(
  { DENO_DIR, XDG_CACHE_HOME, HOME }: Readonly<Record<string, string>>,
): string | undefined {
  if (DENO_DIR) return DENO_DIR;
  if (XDG_CACHE_HOME) return `${XDG_CACHE_HOME}/deno`;
  return HOME ? `${HOME}/.cache/deno` : undefined;
}
