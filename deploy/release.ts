/**
 * Makes what is published: the executables that can be made here, what is in
 * them, licences, and the checksums of it all.
 *
 * Usage: `deno task release [--output FOLDER]`
 *
 * Refuses a tree that is not clean and a version without an entry in
 * CHANGELOG.md. The environment is that of `deno task compile`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "node:path";
import config from "../deno.json" with { type: "json" };
import { messageOf } from "../lib/cli/message.ts";
import {
  bundleProgram,
  describeBuild,
  epoch,
  FOLDER,
  importFlags,
  lockFile,
  run,
  runtimeOf,
} from "./build.ts";
import { bundledPackages } from "./bundled_packages.ts";
import { readLicences } from "./licences.ts";
import { obstacle } from "./release_checks.ts";
import { type Executable, makeSbom } from "./sbom.ts";

/** What the image is built for, too. */
const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

const LICENCES = ["LICENSE", "THIRD_PARTY_LICENSES"];

const { version } = config;
const encoder = new TextEncoder();

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

async function sha256(file: string): Promise<string> {
  const bytes = await Deno.readFile(file);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Compiles for a target; nothing where that cannot be done here. */
async function compile(
  folder: string,
  target: string,
): Promise<Executable | undefined> {
  const name = `c2s-imds-${version}-${target}`;
  const file = `${folder}/${name}`;
  try {
    await run(
      Deno.execPath(),
      "run",
      "--quiet",
      "--frozen",
      "-P=compile",
      ...importFlags(),
      `${FOLDER}deploy/compile.ts`,
      `--target=${target}`,
      `--output=${file}`,
    );
    const deno = await runtimeOf(file, target);
    if (deno === undefined) {
      throw new Error("Cannot tell which runtime DENORT_BIN names, here");
    }
    if (deno !== Deno.version.deno) {
      say(`${name} has Deno ${deno}, not ${Deno.version.deno}`);
    }
    return { name, sha256: await sha256(file), deno };
  } catch (error) {
    await Deno.remove(file).catch(() => {});
    say(`left out ${name}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Which packages the bundle of the same sources holds. */
async function packages() {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
  try {
    const { sources } = await bundleProgram(folder, await describeBuild());
    const lock = JSON.parse(await Deno.readTextFile(lockFile()));
    return bundledPackages(sources, lock, FOLDER);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes everything; the names of the files. */
async function release(folder: string): Promise<string[]> {
  const licences = readLicences(
    await Deno.readTextFile(`${FOLDER}THIRD_PARTY_LICENSES`),
  );
  const bundled = await packages();
  const executables: Executable[] = [];
  for (const target of TARGETS) {
    const made = await compile(folder, target);
    if (made !== undefined) executables.push(made);
  }
  if (executables.length === 0) {
    throw new Error("Cannot make any executable here");
  }
  const sbom = `c2s-imds-${version}.cdx.json`;
  await Deno.writeTextFile(
    `${folder}/${sbom}`,
    makeSbom({
      version,
      build: await describeBuild(),
      epoch: await epoch(),
      executables,
      packages: bundled,
      licences,
    }),
  );
  for (const name of LICENCES) {
    await Deno.copyFile(`${FOLDER}${name}`, `${folder}/${name}`);
  }
  return [...executables.map(({ name }) => name), sbom, ...LICENCES].sort();
}

const reason = obstacle({
  status: await run("git", "status", "--porcelain"),
  version,
  changelog: await Deno.readTextFile(`${FOLDER}CHANGELOG.md`),
});
if (reason !== undefined) {
  Deno.stderr.writeSync(
    encoder.encode(`Cannot release ${version}: ${reason}\n`),
  );
  Deno.exit(1);
}
const { output } = parseArgs(Deno.args, { string: ["output"] });
const folder = resolve(FOLDER, String(output ?? "dist"));
await Deno.mkdir(folder, { recursive: true });
const sums: string[] = [];
for (const name of await release(folder)) {
  sums.push(`${await sha256(`${folder}/${name}`)}  ${name}\n`);
}
await Deno.writeTextFile(`${folder}/SHA256SUMS`, sums.join(""));
say(`${sums.join("")}in ${folder}`);
