/**
 * The real outside world: the one place that knows this process's streams,
 * environment, files and signals.
 *
 * @module
 */
import type { Io } from "./command.ts";
import { Outlet } from "./outlet.ts";
import { readTextFile } from "./read_text_file.ts";
import type { Build } from "./version.ts";

/** A stream of this process. */
interface Stream {
  writeSync(bytes: Uint8Array): number;
}

function writeAll(stream: Stream, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}

/** Standard output; a reader that has seen enough (`| head`) is no error. */
function stdout(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error("Cannot write standard output", { cause });
  }
}

/** How long the last lines may take at the end, in milliseconds. */
const FLUSH_MS = 1_000;

/** Standard error; a log that cannot be written must not stop the proxy. */
const stderr = new Outlet((bytes) => Deno.stderr.write(bytes));

/**
 * Hands out the real streams, environment, files and signals.
 *
 * @param build what this program was made from
 */
export function realIo(build: Build): Io {
  return {
    build,
    env: Object.freeze(Deno.env.toObject()),
    terminal: Deno.stdout.isTerminal(),
    stdout,
    stderr: (text) => stderr.put(text),
    flush: () => stderr.flush(FLUSH_MS),
    readTextFile,
    onSignal(signal, handler) {
      Deno.addSignalListener(signal, handler);
      return () => Deno.removeSignalListener(signal, handler);
    },
  };
}
