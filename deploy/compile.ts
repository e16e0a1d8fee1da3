/**
 * Makes `dist/c2s-imds`, one executable: bundles the program, dates what that
 * makes, and compiles it, so that two builds of one commit are equal.
 *
 * Usage: `deno task compile [--target TRIPLE] [--output FILE]`
 *
 * Environment: `SOURCE_DATE_EPOCH` dates the build (the commit's time unless
 * given), `DENORT_BIN` names the runtime where Deno cannot download it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { messageOf } from "../lib/cli/message.ts";
import {
  bundleProgram,
  describeBuild,
  epoch,
  FOLDER,
  run,
  runtimeOf,
} from "./build.ts";
import { permissionFlags } from "./permissions.ts";
import { runtimeWarning } from "./release_checks.ts";
import { readRuntime, withoutSymbols } from "./runtime.ts";

const ROOT = new URL("../", import.meta.url);

/** `e_machine` of an executable, by the first part of its target; elf(5). */
const MACHINES: Readonly<Record<string, number>> = { x86_64: 62, aarch64: 183 };

/** DENORT_BIN beats the target without a word: makes sure that they agree. */
function requireMachine(runtime: Uint8Array, target: string): void {
  const wanted = MACHINES[target.replace(/-.*/, "")];
  const found = new DataView(runtime.buffer, runtime.byteOffset).getUint16(
    18,
    true,
  );
  if (wanted === undefined || found === wanted) return;
  throw new Error(
    `Cannot compile for ${
      JSON.stringify(target)
    }: DENORT_BIN is for another machine`,
  );
}

function print(stream: Pick<typeof Deno.stdout, "writeSync">, text: string) {
  stream.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** What failed, in a line that says what to do where that is known. */
function failure(error: unknown): string {
  const message = messageOf(error);
  const [, address] = /(https:\/\/\S+\/denort-[\w.-]+)/.exec(message) ?? [];
  return address === undefined
    ? message
    : `Cannot compile: Deno cannot download ${address}; get it elsewhere, and give the file unpacked as DENORT_BIN=FILE`;
}

const { output, ...given } = parseArgs(Deno.args, {
  string: ["target", "output"],
});
const target = String(given.target ?? Deno.build.target);
const folder = Deno.makeTempDirSync({ prefix: "c2s-imds-" });
try {
  const build = await describeBuild();
  const { entry, chunks } = await bundleProgram(folder, build);
  const time = await epoch();
  for (const part of [entry, ...chunks]) Deno.utimeSync(part, time, time);
  const file = String(output ?? "dist/c2s-imds");
  const compile = () =>
    run(
      Deno.execPath(),
      "compile",
      "--quiet",
      "--no-config",
      "--no-lock",
      "--no-check",
      "--no-prompt",
      "--no-code-cache",
      // The default lets dead objects take 100 MB before they are collected.
      "--v8-flags=--max-semi-space-size=4",
      ...permissionFlags(),
      `--target=${target}`,
      ...chunks.map((chunk) => `--include=${chunk}`),
      `--output=${file}`,
      entry,
    );
  let runtime = await readRuntime(target);
  if (runtime === undefined) {
    // It downloads the runtime.
    await compile();
    runtime = await readRuntime(target);
  }
  if (runtime === undefined) {
    const why = "Deno did not leave it in its cache";
    print(Deno.stderr, `warning: the runtime keeps its symbols: ${why}`);
  } else {
    requireMachine(runtime, target);
    const isDownloaded = !Deno.env.has("DENORT_BIN");
    const stripped = `${folder}/denort`;
    await Deno.writeFile(stripped, withoutSymbols(runtime), { mode: 0o755 });
    Deno.env.set("DENORT_BIN", stripped);
    await compile();
    if (isDownloaded) Deno.env.delete("DENORT_BIN");
  }
  const warning = runtimeWarning(
    await runtimeOf(file, target),
    await Deno.readTextFile(`${FOLDER}.deno-version`),
  );
  if (warning !== undefined) {
    print(Deno.stderr, `warning: ${warning}`);
  }
  const size = Deno.statSync(new URL(file, ROOT)).size;
  print(
    Deno.stdout,
    `${file}: ${(size / 1e6).toFixed(1)} MB, ${
      build.commit ?? "no commit"
    }, imports from ${build.imports}`,
  );
} catch (error) {
  print(Deno.stderr, failure(error));
  Deno.exitCode = 1;
} finally {
  Deno.removeSync(folder, { recursive: true });
}
