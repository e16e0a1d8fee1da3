/**
 * Runs `deno test` with the flags it is given on the files and folders it is
 * given, all rooms without a task of their own unless it is given some: four
 * files at a time unless `DENO_JOBS` says otherwise, the program installed once
 * for all of them, and an end to what hangs after 20 minutes, or after
 * `TEST_MINUTES`.
 *
 * @module
 */
import { RUN_FOLDER } from "./helpers/installed.ts";

/** How long all of it may take: ten times what it does on two processors. */
const MINUTES = Number(Deno.env.get("TEST_MINUTES") ?? 20);

/** The rooms with the longest tests, which are to begin. */
const LONG = ["tests/e2e/", "tests/kernel/", "tests/reliability/"];

/** The rooms that have a task of their own. */
const APART = ["tests/api", "tests/clients", "tests/image", "tests/node"];

function testFiles(path: string): string[] {
  if (Deno.statSync(path).isFile) {
    return path.endsWith("_test.ts") ? [path] : [];
  }
  return [...Deno.readDirSync(path)].flatMap((it) =>
    testFiles(`${path}/${it.name}`)
  );
}

/** Long rooms first, and the largest files, which roughly take longest. */
function inOrder(files: readonly string[]): string[] {
  const rank = (file: string) =>
    LONG.some((room) => file.startsWith(room)) ? 0 : 1;
  const size = (file: string) => Deno.statSync(file).size;
  return files.toSorted((a, b) => rank(a) - rank(b) || size(b) - size(a));
}

const flags = Deno.args.filter((arg) => arg.startsWith("-"));
const given = Deno.args.filter((arg) => !arg.startsWith("-"));
const rooms = [...Deno.readDirSync("tests")].filter((it) => it.isDirectory)
  .map(({ name }) => `tests/${name}`).filter((room) => !APART.includes(room));
const files = inOrder((given.length > 0 ? given : rooms).flatMap(testFiles));

const folder = await Deno.makeTempDir({ prefix: "c2s-imds-run-" });
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "--parallel", "--no-check", "-P=test", ...flags, ...files],
  // Most tests wait for others' processes, so that two processors serve four.
  env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? "4", [RUN_FOLDER]: folder },
}).spawn();
// Deno names the tests that are pending, each with its file, and ends.
const interrupt = () => {
  try {
    child.kill("SIGINT");
  } catch {
    // It has ended.
  }
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, interrupt);
}
const timer = setTimeout(interrupt, MINUTES * 60_000);
const { code } = await child.status;
clearTimeout(timer);
await Deno.remove(folder, { recursive: true });
Deno.exit(code);
