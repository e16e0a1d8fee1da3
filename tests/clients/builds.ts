/**
 * What makes the clients that are compiled or have packages of their own: once
 * for a test file, outside the checkout, before they run where nothing can be
 * downloaded.
 *
 * @module
 */
import { run } from "../../deploy/build.ts";
import { cacheFolder } from "../helpers/files.ts";

/** A command; arguments `NAME=VALUE` before it set variables. */
export type CommandLine = readonly string[];

/** The release of afterburn on crates.io. */
export const AFTERBURN = "5.11.0";

const made = new Map<string, Promise<CommandLine>>();

function once(name: string, make: () => Promise<CommandLine>) {
  const command = made.get(name) ?? alone(name, make);
  made.set(name, command);
  return command;
}

/** Test files run side by side, and each makes what it needs. */
async function alone(name: string, make: () => Promise<CommandLine>) {
  const path = `${await cache()}/${name}.lock`;
  using lock = await Deno.open(path, { create: true, write: true });
  await lock.lock(true);
  return await make();
}

function here(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** Where the results are kept. */
async function cache(): Promise<string> {
  const folder = `${await cacheFolder()}/clients`;
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}

/** Downloads into a folder, once: Maven asks for each of its own parts. */
async function downloaded(
  folder: string,
  name: string,
  ...args: readonly string[]
): Promise<void> {
  if (await Deno.stat(`${folder}/complete`).catch(() => undefined)) return;
  await run(name, ...args);
  await Deno.writeTextFile(`${folder}/complete`, "");
}

/** Where the version of a client stands, in its lock file as a rule. */
const VERSIONS = {
  boto3: ["requirements.txt", /^boto3==(\S+)/m],
  cloudProvider: ["go/go.mod", /cloud-provider-aws v(\S+)/],
  goV1: ["go/go.mod", /aws-sdk-go v(\S+)/],
  goV2: ["go/go.mod", /ec2\/imds v(\S+)/],
  java: ["java/pom.xml", /<sdk>(.+)<\/sdk>/],
  javaScript: ["js.lock", /ec2-metadata-service@([\d.]+)/],
  rust: ["rust/Cargo.lock", /name = "aws-config"\nversion = "(.+)"/],
} as const;

/** The version of a client that does not come from Debian. */
export function versionOf(client: keyof typeof VERSIONS): string {
  const [file, pattern] = VERSIONS[client];
  const [, version] = pattern.exec(Deno.readTextFileSync(here(file))) ?? [];
  if (version === undefined) throw new Error(`No version in ${file}`);
  return version;
}

/** Builds the programs of `go/`, and names one. */
export async function go(program: string): Promise<CommandLine> {
  const [folder] = await once("go", async () => {
    const folder = `${await cache()}/go/`;
    await run("go", "-C", here("go"), "build", "-o", folder, "./...");
    return [folder];
  });
  return [`${folder}${program}`];
}

/** Builds the program of `rust/`. */
export function rust(): Promise<CommandLine> {
  return once("rust", async () => {
    const folder = `${await cache()}/rust`;
    const manifest = `--manifest-path=${here("rust/Cargo.toml")}`;
    const target = `--target-dir=${folder}`;
    await run("cargo", "build", "--quiet", "--locked", manifest, target);
    return [`${folder}/debug/sdk-rust`];
  });
}

/** Builds afterburn as it is published, with the lock file in its package. */
export function afterburn(): Promise<CommandLine> {
  return once("afterburn", async () => {
    const folder = `${await cache()}/afterburn`;
    await run(
      ...["cargo", "install", "--quiet", "--locked", `afterburn@=${AFTERBURN}`],
      ...[`--root=${folder}`, "--debug", "--config=profile.dev.debug=false"],
    );
    return [`${folder}/bin/afterburn`];
  });
}

/** Compiles the program of `java/` with the packages of its pom.xml. */
export function java(): Promise<CommandLine> {
  return once("java", async () => {
    const folder = `${await cache()}/java-${versionOf("java")}`;
    const path = `${folder}:${folder}/*`;
    await downloaded(
      folder,
      "mvn",
      ...["--quiet", "--batch-mode", `--file=${here("java/pom.xml")}`],
      ...["dependency:copy-dependencies", `-DoutputDirectory=${folder}`],
    );
    await run("javac", "-d", folder, "-cp", path, here("java/SdkJava.java"));
    return [
      "java",
      "-XX:TieredStopAtLevel=1",
      "-XX:+UseSerialGC",
      "-cp",
      path,
      "SdkJava",
    ];
  });
}

/** What runs a script with boto3 of PyPI. */
export function boto3(script: string): Promise<CommandLine> {
  return once("boto3", async () => {
    const folder = `${await cache()}/boto3-${versionOf("boto3")}`;
    const python = "/usr/bin/python3";
    await downloaded(
      folder,
      python,
      ...["-m", "pip", "install", "--quiet", "--require-hashes"],
      ...["--no-deps", "--only-binary=:all:", "--no-warn-script-location"],
      ...[`--target=${folder}`, `--requirement=${here("requirements.txt")}`],
    );
    return [`PYTHONPATH=${folder}`, python, script];
  });
}

/**
 * What runs a script with the packages of `js.lock`, which are its arguments:
 * as imports of the program they would be downloaded with it.
 */
export function deno(script: string): Promise<CommandLine> {
  return once(script, async () => {
    const path = Deno.execPath();
    const lock = here("js.lock");
    const { specifiers } = JSON.parse(await Deno.readTextFile(lock));
    const packages = Object.keys(specifiers);
    const flags = ["--quiet", "--no-config", `--lock=${lock}`, "--frozen"];
    await run(path, "cache", ...flags, here(script), ...packages);
    const { denoDir } = JSON.parse(await run(path, "info", "--json"));
    return [
      ...[`DENO_DIR=${denoDir}`, path, "run", ...flags, "--cached-only"],
      ...["--no-check", "--no-prompt", "--allow-all", here(script)],
      ...packages,
    ];
  });
}
