/**
 * The runtime that `deno compile` appends a program to, without its symbols: a
 * fifth of the executable, which nothing reads.
 *
 * `strip` is not on every machine, does not know every other machine's files,
 * and each version of it makes other bytes of them.
 *
 * @module
 */
import { inflateRawSync } from "node:zlib";
import { run } from "./build.ts";

/**
 * Finds the runtime for a target: what `DENORT_BIN` names, else what Deno has
 * downloaded for a compilation before.
 *
 * @returns `undefined` where there is none yet
 */
export async function readRuntime(
  target: string,
): Promise<Uint8Array | undefined> {
  const given = Deno.env.get("DENORT_BIN");
  if (given !== undefined) return await Deno.readFile(given);
  const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
  const release = `${denoDir}/dl/release/v${Deno.version.deno}`;
  try {
    return unzipped(await Deno.readFile(`${release}/denort-${target}.zip`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * The one file in an archive
 * ([APPNOTE, 4.3.7](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT)).
 */
function unzipped(zip: Uint8Array): Uint8Array {
  const view = new DataView(zip.buffer, zip.byteOffset);
  const names = view.getUint16(26, true) + view.getUint16(28, true);
  return inflateRawSync(zip.subarray(30 + names));
}

/**
 * An executable of a 64-bit Linux without what is not loaded: its symbols, and
 * the table of its sections; elf(5).
 *
 * @param file the executable; one of another system comes back as it is
 */
export function withoutSymbols(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const ELF64_LITTLE_ENDIAN = 0x7f454c460201n;
  if (view.getBigUint64(0) >> 16n !== ELF64_LITTLE_ENDIAN) return file;
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  const ends = Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return Number(
      view.getBigUint64(at + 8, true) + view.getBigUint64(at + 32, true),
    );
  });
  const loaded = file.slice(0, Math.max(...ends));
  const head = new DataView(loaded.buffer);
  head.setBigUint64(40, 0n);
  head.setUint32(60, 0);
  return loaded;
}
