/**
 * What is to be written into a folder of `openshift-install`, between its
 * `create manifests` and `create cluster`.
 *
 * @module
 */
import { quote, UsageError } from "../config/usage_error.ts";
import { addGlobalConfig } from "./cloud_provider_config.ts";

/** A folder as far as it is read here; paths are relative to it. */
export interface Folder {
  /** Its path, for messages. */
  readonly path: string;
  /** Whether a file is there. */
  hasFile(path: string): boolean;
  /** Whether a folder is there. */
  hasFolder(path: string): boolean;
  /** Reads a text file. */
  read(path: string): string;
}

/** One file, and what is to become of it. */
export interface FileChange {
  /** Its path from the folder. */
  readonly path: string;
  /** Its new text; `undefined` leaves it as it is. */
  readonly text: string | undefined;
  /** What was done, or found, in one line. */
  readonly done: string;
}

/** Where the cluster's own additions go. */
const ADDITIONS = "openshift";

const MANIFESTS = "manifests";

const CLOUD_CONFIG = `${MANIFESTS}/cloud-provider-config.yaml`;

/** `create manifests` writes these for every platform, or the last for AWS. */
const SIGNS: readonly string[] = [
  `${MANIFESTS}/cluster-config.yaml`,
  `${MANIFESTS}/cluster-infrastructure-02-config.yml`,
  CLOUD_CONFIG,
];

/**
 * Decides what to write; writes nothing.
 *
 * @param folder the folder
 * @param configs the machine configs as YAML, by their names
 * @throws {UsageError} for a folder that `create manifests` did not write, or
 * whose manifests were used up
 */
export function planInstall(
  folder: Folder,
  configs: ReadonlyMap<string, string>,
): readonly FileChange[] {
  recognise(folder);
  return [
    ...[...configs].map(([name, text]) =>
      planFile(folder, `${ADDITIONS}/${name}.yaml`, text)
    ),
    planCloudConfig(folder),
  ];
}

function recognise(folder: Folder): void {
  if (
    folder.hasFolder(ADDITIONS) && SIGNS.some((path) => folder.hasFile(path))
  ) return;
  throw new UsageError(
    `Cannot use ${quote(folder.path)} for --install-dir: ${reason(folder)}`,
  );
}

function reason(folder: Folder): string {
  if (!folder.hasFolder(".")) return "no such folder";
  if (folder.hasFile("bootstrap.ign")) {
    return "its manifests were turned into Ignition configs, too late for more";
  }
  return folder.hasFile("install-config.yaml")
    ? `expected manifests, run "openshift-install create manifests" there first`
    : `expected the folder that "openshift-install create manifests" wrote to`;
}

function planFile(folder: Folder, path: string, text: string): FileChange {
  if (!folder.hasFile(path)) return { path, text, done: `Wrote ${path}` };
  return folder.read(path) === text
    ? { path, text: undefined, done: `Left ${path}: it is the same already` }
    : { path, text, done: `Replaced ${path}` };
}

function planCloudConfig(folder: Folder): FileChange {
  const path = CLOUD_CONFIG;
  if (!folder.hasFile(path)) {
    return { path, text: undefined, done: `No ${path}: nothing to add to it` };
  }
  const text = addGlobalConfig(folder.read(path), path);
  return text === undefined
    ? { path, text, done: `Left ${path}: it has "config" already` }
    : { path, text, done: `Added "config" to ${path}` };
}
