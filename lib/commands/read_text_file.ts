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

/**
 * Reads a whole text file, or a pipe to its end.
 *
 * @param path where it is
 * @throws {Error} for what cannot be read, is neither file nor pipe (a device
 * may never end), or has more than 1 MiB
 */
export function readTextFile(path: string): string {
  requireFileOrPipe(Deno.statSync(path));
  const file = Deno.openSync(path);
  try {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(readAll(file));
  } finally {
    file.close();
  }
}

function requireFileOrPipe(
  { isDirectory, isFile, isFifo }: Deno.FileInfo,
): void {
  if (isDirectory) throw new Deno.errors.IsADirectory();
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
