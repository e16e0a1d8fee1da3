/**
 * The program where every user can read and start it: npx keeps Deno, and a
 * checkout may lie, under a home that is closed to others.
 *
 * @module
 */
import { existsSync } from "node:fs";
import {
  bundleProgram,
  describeBuild,
  importFlags,
  run,
} from "../../deploy/build.ts";

/** A copy of the program. */
export interface Installed {
  /** What starts it, before its own arguments. */
  readonly command: readonly [string, ...string[]];
  /** The variables it is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder; what the program needs can be read by everyone there. */
  readonly folder: string;
  /** Whether it is the executable rather than the source. */
  readonly compiled: boolean;
}

/** Names the folder of a run of the tests; `run.ts` makes and removes it. */
export const RUN_FOLDER = "TEST_RUN_FOLDER";

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** What Deno reads beside the program, from the repository's folder. */
const SETTINGS = ["deno.json", "deno.lock", "deploy/offline", "dist/std"];

/** How the program is started from the repository, before its arguments. */
export function programArguments(): readonly [string, ...string[]] {
  const executable = Deno.env.get("C2S_IMDS_EXECUTABLE");
  if (executable !== undefined) return [executable];
  return [
    Deno.execPath(),
    ...["run", "--quiet", "--no-check", "--no-prompt", "--frozen"],
    // As the executable has it, since the soak judges memory.
    "--v8-flags=--max-semi-space-size=4",
    `--config=${REPOSITORY}deno.json`,
    ...importFlags(),
    "-P=program",
    `${REPOSITORY}main.ts`,
  ];
}

let installed: Promise<Installed> | undefined;

/**
 * The program, installed once for a whole run by the first test file that asks
 * for it; the others wait.
 *
 * @throws {Error} when the tests are run by hand rather than by `run.ts`
 */
export function installedProgram(): Promise<Installed> {
  return installed ??= installForRun();
}

async function installForRun(): Promise<Installed> {
  const folder = Deno.env.get(RUN_FOLDER);
  if (folder === undefined) throw new Error("Run tests by deno task test");
  const done = `${folder}/installed.json`;
  try {
    await Deno.mkdir(`${folder}/program`);
    await Deno.chmod(folder, 0o755);
    const program = await installProgram(`${folder}/program`);
    await Deno.writeTextFile(`${done}.new`, JSON.stringify(program));
    await Deno.rename(`${done}.new`, done);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    // A minute: the file that installs it shares the processors with others.
    for (let tries = 3_000; !existsSync(done) && tries > 0; tries--) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return JSON.parse(await Deno.readTextFile(done));
}

/**
 * Copies the executable that `C2S_IMDS_EXECUTABLE` names, else Deno, the source
 * and a cache of its own with the imports.
 *
 * @param folder an empty one
 */
export async function installProgram(folder: string): Promise<Installed> {
  await Deno.chmod(folder, 0o755);
  const executable = Deno.env.get("C2S_IMDS_EXECUTABLE");
  if (executable === undefined) return await installSource(folder);
  const copy = `${folder}/c2s-imds`;
  await Deno.copyFile(executable, copy);
  await Deno.chmod(copy, 0o755);
  return { command: [copy], env: {}, folder, compiled: true };
}

/**
 * Installs the program in one piece, as it goes into the executable: module by
 * module, each of its many starts would take several times as long.
 */
async function installSource(folder: string): Promise<Installed> {
  const [name, ...args] = programArguments();
  const deno = `${folder}/deno`;
  await Deno.copyFile(name, deno);
  await Deno.chmod(deno, 0o755);
  const house = `${folder}/house/`;
  await Deno.mkdir(house);
  for (const path of SETTINGS.filter((it) => existsSync(REPOSITORY + it))) {
    // From the repository's folder on, with the folders between.
    await run("cp", "--recursive", "--parents", path, house);
  }
  // Two folders down, as deep as the modules: they look for others from there.
  const program = `${house}lib/program`;
  await Deno.mkdir(program, { recursive: true });
  const { entry } = await bundleProgram(program, await describeBuild());
  await Deno.writeTextFile(
    `${house}main.ts`,
    `import "./${entry.slice(house.length)}";\n`,
  );
  await run("chmod", "--recursive", "a+rX", folder);
  const env = { DENO_DIR: `${folder}/cache` };
  await Deno.mkdir(env.DENO_DIR);
  return {
    command: [deno, ...args.map((arg) => arg.replace(REPOSITORY, house))],
    env,
    folder,
    compiled: false,
  };
}
