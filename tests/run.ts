/**
 * Runs `deno test` with the arguments it is given: four files at a time unless
 * `DENO_JOBS` says otherwise, the program installed once for all of them, and
 * an end to what hangs after 20 minutes, or after `TEST_MINUTES`.
 *
 * @module
 */
import { RUN_FOLDER } from "./helpers/installed.ts";

/** How long all of it may take: ten times what it does on two processors. */
const MINUTES = Number(Deno.env.get("TEST_MINUTES") ?? 20);

// `deno task test` names all of them; who names some means these alone.
const ALL = "tests/";
const isPart = Deno.args.some((arg) => arg.startsWith(ALL) && arg !== ALL);
const args = Deno.args.filter((arg) => !isPart || arg !== ALL);

const folder = await Deno.makeTempDir({ prefix: "c2s-imds-run-" });
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "--parallel", "--no-check", "-P=test", ...args],
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
