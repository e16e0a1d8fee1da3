/**
 * The program where every user can read and start it: npx keeps Deno, and a
 * checkout may lie, under a home that is closed to others.
 *
 * @module
 */
import { bundleProgram, describeBuild } from "../../deploy/build.ts";
import { programArguments } from "./program.ts";

/** A copy of the program in a folder of its own, gone at disposal. */
export interface Installed extends AsyncDisposable {
  /** What starts it, before its own arguments. */
  readonly command: readonly [string, ...string[]];
  /** The variables it is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder; what the program needs can be read by everyone there. */
  readonly folder: string;
  /** Whether it is the executable rather than the source. */
  readonly compiled: boolean;
}

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** What Deno reads beside the program, from the repository's folder. */
const SETTINGS = ["deno.json", "deno.lock", "deploy/offline"];

/**
 * Copies the executable that `C2S_IMDS_EXECUTABLE` names, else Deno, the source
 * and a cache of its own with the imports.
 */
export async function installProgram(): Promise<Installed> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
  const dispose = () => Deno.remove(folder, { recursive: true });
  try {
    await Deno.chmod(folder, 0o755);
    const executable = Deno.env.get("C2S_IMDS_EXECUTABLE");
    const installed = executable === undefined
      ? await installSource(folder)
      : await installExecutable(folder, executable);
    return { ...installed, folder, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Installs the program once for a test file, when the first test asks for it,
 * and takes it away after the last.
 *
 * @returns what asks for it
 */
export function installedForFile(): () => Promise<Installed> {
  let installed: Promise<Installed> | undefined;
  Deno.test.afterAll(async () => {
    await (await installed)?.[Symbol.asyncDispose]();
  });
  return () => installed ??= installProgram();
}

type Copied = Pick<Installed, "command" | "env" | "compiled">;

async function installExecutable(
  folder: string,
  executable: string,
): Promise<Copied> {
  const copy = `${folder}/c2s-imds`;
  await Deno.copyFile(executable, copy);
  await Deno.chmod(copy, 0o755);
  return { command: [copy], env: {}, compiled: true };
}

/**
 * Installs the program in one piece, as it goes into the executable: module by
 * module, each of its many starts would take several times as long.
 */
async function installSource(folder: string): Promise<Copied> {
  const [name, ...args] = programArguments();
  const deno = `${folder}/deno`;
  await Deno.copyFile(name, deno);
  await Deno.chmod(deno, 0o755);
  const house = `${folder}/house/`;
  await Deno.mkdir(`${house}deploy`, { recursive: true });
  for (const path of SETTINGS) {
    await run("cp", ["--recursive", REPOSITORY + path, house + path]);
  }
  // Two folders down, as deep as the modules: they look for others from there.
  const program = `${house}lib/program`;
  await Deno.mkdir(program, { recursive: true });
  const { entry } = await bundleProgram(program, await describeBuild());
  await Deno.writeTextFile(
    `${house}main.ts`,
    `import "./${entry.slice(house.length)}";\n`,
  );
  await run("chmod", ["--recursive", "a+rX", folder]);
  const env = { DENO_DIR: `${folder}/cache` };
  await Deno.mkdir(env.DENO_DIR);
  return {
    command: [deno, ...args.map((arg) => arg.replace(REPOSITORY, house))],
    env,
    compiled: false,
  };
}

async function run(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot install the program: ${name} failed: ${said}`);
}
