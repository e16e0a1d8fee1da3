/**
 * What is to be written into a folder of `openshift-install`, between its
 * `create manifests` and `create cluster`.
 *
 * @module
 */
import { parse } from "@std/yaml";
import { quote, UsageError } from "../cli/message.ts";
import { isMapping } from "../config/yaml.ts";

/** One file, and what is to become of it. */
export interface FileChange {
  /** Its path. */
  readonly path: string;
  /** Its new text; `undefined` leaves it as it is. */
  readonly text: string | undefined;
  /** What was done, or found, in one line. */
  readonly done: string;
}

/** Where the cluster's own additions go. */
const ADDITIONS = "openshift";

const CLOUD_CONFIG = "manifests/cloud-provider-config.yaml";

/** `create manifests` writes these for every platform, or the last for AWS. */
const SIGNS: readonly string[] = [
  "manifests/cluster-config.yaml",
  "manifests/cluster-infrastructure-02-config.yml",
  CLOUD_CONFIG,
];

/**
 * Decides what to write; writes nothing.
 *
 * @param folder the folder's path
 * @param configs the machine configs as YAML, by their names
 * @throws {UsageError} for a folder that `create manifests` did not write, or
 * whose manifests were used up
 */
export function planInstall(
  folder: string,
  configs: ReadonlyMap<string, string>,
): readonly FileChange[] {
  requireManifests(folder);
  const additions = [...configs].map(([name, text]): FileChange => {
    const file = `${ADDITIONS}/${name}.yaml`;
    const path = `${folder}/${file}`;
    const old = stat(path) && Deno.readTextFileSync(path);
    if (old === text) {
      const done = `Left ${file}: it is the same already`;
      return { path, text: undefined, done };
    }
    const verb = old === undefined ? "Wrote" : "Replaced";
    return { path, text, done: `${verb} ${file}` };
  });
  return [...additions, planCloudConfig(folder)];
}

function requireManifests(folder: string): void {
  const has = (file: string) => stat(`${folder}/${file}`)?.isFile === true;
  const isFolder = (path: string) => stat(path)?.isDirectory === true;
  if (isFolder(`${folder}/${ADDITIONS}`) && SIGNS.some(has)) return;
  const created = `"openshift-install create manifests"`;
  const reason = !isFolder(folder)
    ? "no such folder"
    : has("bootstrap.ign")
    ? "its manifests were turned into Ignition configs, too late for more"
    : has("install-config.yaml")
    ? `expected manifests, run ${created} there first`
    : `expected the folder that ${created} wrote to`;
  throw new UsageError(
    `Cannot use ${quote(folder)} for --install-dir: ${reason}`,
  );
}

/** Up to OpenShift 4.9 it lacks an entry that a new region needs: BZ1926975. */
function planCloudConfig(folder: string): FileChange {
  const file = CLOUD_CONFIG;
  const path = `${folder}/${file}`;
  const old = stat(path) && Deno.readTextFileSync(path);
  const text = old === undefined ? undefined : addGlobalConfig(old, file);
  const done = old === undefined
    ? `No ${file}: nothing to add to it`
    : text === undefined
    ? `Left ${file}: it has "config" already`
    : `Added "config" to ${file}`;
  return { path, text, done };
}

/** The entry: a cloud configuration that sets nothing. */
const ENTRY = { config: "[Global]\n" };

/**
 * Adds the entry to the installer's ConfigMap for the cloud provider where it
 * is missing, and changes no other byte.
 *
 * @param text the ConfigMap as the installer wrote it
 * @param path names the file, for the message
 * @returns the new text; `undefined` where the entry is there
 * @throws {UsageError} for what is no such ConfigMap
 */
export function addGlobalConfig(
  text: string,
  path: string,
): string | undefined {
  const before = parseConfigMap(text);
  const data = before?.data ?? {};
  if (isMapping(data) && data.config !== undefined) return undefined;
  const after = insertEntry(text);
  const expected = { ...before, data: { ...ENTRY, ...data } };
  const isWhole = before !== undefined && isMapping(data) &&
    JSON.stringify(parseConfigMap(after)) === JSON.stringify(expected);
  if (isWhole) return after;
  throw new UsageError(
    `Cannot add "config" to ${
      quote(path)
    }: expected a ConfigMap as openshift-install writes it, add it by hand`,
  );
}

/** Puts the entry first below `data:`, indented as its neighbours are. */
function insertEntry(text: string): string {
  const data = /^data:[ \t]*(?:\{\}|null|~)?[ \t]*\n(?<indent> +(?=\S))?/m;
  const indent = text.match(data)?.groups?.indent ?? "  ";
  const entry = `data:\n${indent}config: |\n${indent}  [Global]\n`;
  return data.test(text)
    ? text.replace(data, (_, kept: string | undefined) => entry + (kept ?? ""))
    : `${text}${text.endsWith("\n") ? "" : "\n"}${entry}`;
}

function parseConfigMap(text: string): Record<string, unknown> | undefined {
  try {
    const value = parse(text);
    return isMapping(value) && value.kind === "ConfigMap" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** How new files are made: as the installer makes its own. */
const NEW = { mode: 0o640 };

/**
 * Writes a file; one that is there keeps its mode.
 *
 * @param path its path
 * @param text its text
 * @throws {Error} when it cannot be written
 */
export function writeFile(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text, stat(path) === undefined ? NEW : {});
  } catch (cause) {
    throw new Error(`Cannot write ${quote(path)}`, { cause });
  }
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isMissing) return undefined;
    throw error;
  }
}
