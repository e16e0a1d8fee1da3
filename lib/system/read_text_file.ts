/**
 * Reads the files that flags name: of a kind that ends, and not too large.
 *
 * @module
 */

/**
 * The most bytes of such a file: four times what a child is sent of overrides,
 * and far more than anybody writes by hand.
 */
const MOST_BYTES = 1024 * 1024;

/** How a file is read. */
export interface ReadTextFileOptions {
  /** The folder it must lie in, links followed; then a pipe is refused, too. */
  readonly folder?: string;
  /**
   * Whether it is read once more: a pipe has nothing more to give then, or
   * would be waited for without an end.
   */
  readonly isAgain?: boolean;
}

/**
 * Reads a whole text file, or a pipe to its end.
 *
 * @param path where it is
 * @param options whether it is read once more, and the folder it must lie in
 * @throws {Error} for what cannot be read, is neither file nor pipe (a device
 * may never end), lies in another folder, has more than 1 MiB, or is no UTF-8
 */
export function readTextFile(
  path: string,
  { isAgain = false, folder }: ReadTextFileOptions = {},
): string {
  const real = folder === undefined ? path : pathWithin(folder, path);
  requireFileOrPipe(Deno.statSync(real), isAgain);
  const file = Deno.openSync(real);
  try {
    return decode(readAll(file));
  } finally {
    file.close();
  }
}

function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error("expected UTF-8", { cause });
  }
}

/** The path without links, so that what is opened is what was looked at. */
function pathWithin(folder: string, path: string): string {
  const real = Deno.realPathSync(path);
  const root = Deno.realPathSync(folder).replace(/\/?$/, "/");
  if (!real.startsWith(root)) {
    throw new Error("expected no link to another folder");
  }
  if (!Deno.lstatSync(real).isFile) throw new Error("expected a regular file");
  return real;
}

function requireFileOrPipe(
  { isDirectory, isFile, isFifo }: Deno.FileInfo,
  isAgain: boolean,
): void {
  if (isDirectory) throw new Deno.errors.IsADirectory();
  if (isAgain && isFifo === true) {
    throw new Error("a pipe can be read only once, expected a regular file");
  }
  if (!isFile && isFifo !== true) {
    throw new Error("expected a regular file or a pipe");
  }
}

/** What a file claims to hold is not asked: in /proc that is nothing. */
function readAll(file: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(MOST_BYTES + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = file.readSync(bytes.subarray(length));
    if (read === null) return bytes.subarray(0, length);
    length += read;
  }
  throw new Error(`expected ${MOST_BYTES / 1024 / 1024} MiB at most`);
}
