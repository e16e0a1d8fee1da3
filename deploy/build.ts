/**
 * What scripts that build have in common: git, time, imports, the bundle.
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Build } from "../lib/cli/version.ts";
import { importsFromNpm } from "../lib/cli/version.ts";
import { numberChunks } from "./chunks.ts";

const ROOT = new URL("../", import.meta.url);

/** The repository's folder, with a slash at the end. */
export const FOLDER: string = fileURLToPath(ROOT);

/** The folder of the import map in force, unless it is deno.json's. */
function mapFolder(): string | undefined {
  if (importsFromNpm()) return `${FOLDER}deploy/offline/`;
  const isMapped = import.meta.resolve("@std/yaml").startsWith("file:");
  return isMapped ? `${FOLDER}dist/std/` : undefined;
}

/** Flags under which this script's own imports were found. */
export function importFlags(): string[] {
  const folder = mapFolder();
  return folder === undefined
    ? []
    : [`--import-map=${folder}imports.json`, `--lock=${folder}deno.lock`];
}

/** The lock file of those imports. */
export function lockFile(): string {
  return `${mapFolder() ?? FOLDER}deno.lock`;
}

/**
 * Runs a command in the repository's folder.
 *
 * @returns its standard output, without white space around
 * @throws {Error} with its errors when it fails
 */
export async function run(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args,
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`${args[0]} failed: ${text.decode(stderr).trim()}`);
  }
  return text.decode(stdout).trim();
}

/** What git says, or nothing outside a checkout. */
async function git(...args: string[]): Promise<string> {
  try {
    return await run("git", ...args);
  } catch {
    return "";
  }
}

/** What the program is made from: the commit, and whose packages. */
export async function describeBuild(): Promise<Build> {
  const imports = importsFromNpm() ? "npm" : "JSR";
  const id = await git("rev-parse", "--short=12", "HEAD");
  if (id === "") return { imports };
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  return { imports, commit: changed === "" ? id : `${id}-dirty` };
}

/**
 * The time that stands for this build, in seconds since 1970:
 * `SOURCE_DATE_EPOCH`, else the commit's, else 0.
 *
 * https://reproducible-builds.org/specs/source-date-epoch/
 */
export async function epoch(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH") ??
    await git("log", "-1", "--format=%ct");
  return /^\d+$/.test(given) ? Number(given) : 0;
}

/** The name of the file to start. */
const ENTRY = "c2s-imds.js";

/**
 * What gives each closure its name again, at every call that makes one: a sixth
 * of a request's processor time. Without `--keep-names`, which brings it, the
 * bundle imports `node:module`, which takes 90 ms of every start.
 */
const NAMING =
  /(\((\w+),\w+\))=>\w+\(\2,"name",\{value:\w+,configurable:!0\}\)/;

/** The program without types, white space and what it does not use. */
export interface Bundle {
  /** The file to start. */
  readonly entry: string;
  /**
   * What it loads beside itself: a command reads no more than it needs,
   * which takes a sixth off the time to start.
   */
  readonly chunks: readonly string[];
  /** The files and addresses whose code is in it, sorted. */
  readonly sources: readonly string[];
}

/**
 * Bundles the program.
 *
 * @param folder an empty folder for what is made
 * @param build what the program is to say of itself
 */
export async function bundleProgram(
  folder: string,
  build: Build,
): Promise<Bundle> {
  const start = `${folder}/c2s-imds.ts`;
  const made = `${folder}/bundle`;
  const from = (path: string) => JSON.stringify(`${FOLDER}lib/${path}`);
  await Deno.writeTextFile(
    start,
    `import { runCommandLine } from ${from("cli/command_line.ts")};
import { realIo } from ${from("cli/io.ts")};
import { COMMANDS } from ${from("commands/registry.ts")};
const io = realIo(${JSON.stringify(build)});
Deno.exit(await runCommandLine(Deno.args, io, COMMANDS));
`,
  );
  await run(
    Deno.execPath(),
    "bundle",
    "--quiet",
    "--minify",
    "--keep-names",
    "--code-splitting",
    "--platform=deno",
    "--frozen",
    // Its list of sources; nothing in the bundle names it.
    "--sourcemap=external",
    `--config=${FOLDER}deno.json`,
    ...importFlags(),
    `--outdir=${made}`,
    start,
  );
  const texts = new Map<string, string>();
  const sources = new Set<string>();
  for (const { name } of Deno.readDirSync(made)) {
    const text = await Deno.readTextFile(`${made}/${name}`);
    if (name.endsWith(".js")) texts.set(name, text);
    else for (const source of sourcesOf(text, made)) sources.add(source);
  }
  const [helper] = [...texts].find(([, text]) => NAMING.test(text)) ?? [];
  if (helper === undefined) {
    throw new Error("The bundle names its closures in an unknown way");
  }
  texts.set(helper, texts.get(helper)?.replace(NAMING, "$1=>$2") ?? "");
  sources.delete(start);
  const files: string[] = [];
  for (const [name, text] of numberChunks(ENTRY, (it) => texts.get(it))) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    files.push(`${folder}/${name}`);
  }
  const [entry = "", ...chunks] = files;
  return { entry, chunks, sources: [...sources].sort() };
}

/**
 * The sources that a source map names, as paths and addresses.
 *
 * @param map the source map
 * @param folder where it lies
 */
function sourcesOf(map: string, folder: string): string[] {
  const { sources }: { readonly sources: readonly string[] } = JSON.parse(map);
  return sources.map((source) =>
    /^\w+:\/\//.test(source) ? source : resolve(folder, source)
  );
}

/**
 * The release of Deno in an executable; without `DENORT_BIN` it is this one's.
 *
 * @param file the executable, from the repository's folder on
 * @param target what it was made for
 * @returns `undefined` for another machine's, which cannot be asked here
 * @throws {Error} when it does not say
 */
export async function runtimeOf(
  file: string,
  target: string,
): Promise<string | undefined> {
  if (target === Deno.build.target) {
    const line = await run(resolve(FOLDER, file), "--version");
    const [, found] = /Deno (\S+)\)$/.exec(line) ?? [];
    if (found !== undefined) return found;
    throw new Error(`Cannot tell the runtime of ${file} from "${line}"`);
  }
  return Deno.env.has("DENORT_BIN") ? undefined : Deno.version.deno;
}
