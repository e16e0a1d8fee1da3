/**
 * Prints the flags under which the program's modules load: none where JSR
 * answers, the npm import map and its lock where it does not. `deno task`
 * splices them into a command with `$(…)`. Where `STD_DIR` names a checkout of
 * https://github.com/denoland/std, its sources are taken instead.
 *
 * Always exits 0, because `deno task` ignores a failing `$(…)`.
 *
 * @module
 */

/** How long JSR may take to answer before the npm packages are taken. */
const PATIENCE_MS = 5_000;

const ROOT = new URL("../../", import.meta.url);

function readJson(path: string | URL) {
  return JSON.parse(Deno.readTextFileSync(new URL(path, ROOT)));
}

const config = readJson("deno.json");

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

/** Maps the names that @std's packages export to their files. */
function mapSources(folder: string): void {
  const { imports } = readJson("deploy/offline/imports.json");
  for (const { name } of Deno.readDirSync(folder)) {
    const base = new URL(`${name}/`, `file://${folder}/`);
    try {
      const { name, exports } = readJson(new URL("deno.json", base));
      for (const [entry, file] of Object.entries<string>(exports)) {
        imports[name + entry.slice(1)] = new URL(file, base).href;
      }
    } catch {
      // It is no package.
    }
  }
  Deno.mkdirSync(new URL("dist/std", ROOT), { recursive: true });
  Deno.writeTextFileSync(
    new URL("dist/std/imports.json", ROOT),
    JSON.stringify({ imports }),
  );
  Deno.copyFileSync(
    new URL("deploy/offline/deno.lock", ROOT),
    new URL("dist/std/deno.lock", ROOT),
  );
}

function print(what: string, folder?: string): void {
  const encoder = new TextEncoder();
  Deno.stderr.writeSync(encoder.encode(`imports: ${what}\n`));
  if (folder === undefined) return;
  const flags =
    `--import-map=${folder}/imports.json --lock=${folder}/deno.lock\n`;
  Deno.stdout.writeSync(encoder.encode(flags));
}

const sources = Deno.env.get("STD_DIR");
if (sources !== undefined) {
  mapSources(sources);
  print("@std from STD_DIR", "dist/std");
} else if (await jsrAnswers()) {
  print("@std from JSR");
} else {
  print(
    "JSR does not answer, taking npm packages (deploy/offline)",
    "deploy/offline",
  );
}
