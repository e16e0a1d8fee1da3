/**
 * Prints the flags under which the program's modules load: none where JSR
 * answers, the npm import map and its lock where it does not. `deno task`
 * splices them into a command with `$(…)`.
 *
 * Always exits 0, because `deno task` ignores a failing `$(…)`.
 *
 * @module
 */

/** How long JSR may take to answer before the npm packages are taken. */
const PATIENCE_MS = 5_000;

const config = JSON.parse(
  Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
);

/** Whether one of the pinned packages resolves, from the network or a cache. */
async function jsrAnswers(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "cache",
        "--quiet",
        "--no-config",
        "--no-lock",
        `${config.imports["@std/http"]}/status`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).output();
    return success;
  } catch {
    return false;
  }
}

const encoder = new TextEncoder();
if (await jsrAnswers()) {
  Deno.stderr.writeSync(encoder.encode("imports: @std from JSR\n"));
} else {
  Deno.stderr.writeSync(
    encoder.encode(
      "imports: JSR does not answer, taking npm packages (deploy/offline)\n",
    ),
  );
  Deno.stdout.writeSync(
    encoder.encode(
      "--import-map=deploy/offline/imports.json --lock=deploy/offline/deno.lock\n",
    ),
  );
}
