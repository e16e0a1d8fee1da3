/**
 * The real folder that manifests are installed into.
 *
 * @module
 */
import { quote } from "../config/usage_error.ts";
import type { Folder } from "../manifests/install_folder.ts";

/** A folder that can be written to. */
export interface WritableFolder extends Folder {
  /**
   * Writes a file: after a crash it has the old text or the new one.
   *
   * @throws {Error} when it cannot be written
   */
  write(path: string, text: string): void;
}

/** How new files are made: as the installer makes its own. */
const MODE = 0o640;

/** Opens a folder; whether it is there shows when it is read. */
export function openFolder(path: string): WritableFolder {
  const at = (file: string) => `${path}/${file}`;
  return {
    path,
    hasFile: (file) => stat(at(file))?.isFile === true,
    hasFolder: (file) => stat(at(file))?.isDirectory === true,
    read: (file) => Deno.readTextFileSync(at(file)),
    write: (file, text) => {
      try {
        replaceFile(at(file), text);
      } catch (cause) {
        throw new Error(`Cannot write ${quote(at(file))}`, { cause });
      }
    },
  };
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function replaceFile(path: string, text: string): void {
  // The installer reads *.yaml, *.yml and *.json, so this name never counts.
  const temporary = `${path}.${crypto.randomUUID()}.new`;
  try {
    writeWhole(temporary, text, (stat(path)?.mode ?? MODE) & 0o777);
    Deno.renameSync(temporary, path);
  } catch (error) {
    if (stat(temporary) !== undefined) Deno.removeSync(temporary);
    throw error;
  }
}

function writeWhole(path: string, text: string, mode: number): void {
  const file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(file.writeSync(rest));
    file.syncSync();
  } finally {
    file.close();
  }
}
