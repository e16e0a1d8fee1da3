/**
 * The real outside world: the one place that knows this process's streams,
 * environment, files and signals.
 *
 * @module
 */
import { readTextFile } from "../system/read_text_file.ts";
import { deadline } from "../system/timers.ts";
import type { Io } from "./command.ts";
import type { Build } from "./version.ts";

/** The most text that waits to be written, in characters. */
const MOST_WAITING = 256 * 1024;

/** How long the last lines may take at the end, in milliseconds. */
const FLUSH_MS = 1_000;

/**
 * Writes without making the caller wait: a reader of the log that stops
 * reading must not stop the proxy.
 */
export class NonBlockingWriter {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  #waiting: string[] = [];
  #size = 0;
  #lost = 0;
  #writing: Promise<void> | undefined;

  /**
   * Writes nothing yet.
   *
   * @param write writes some of the bytes, and says how many
   */
  constructor(write: (bytes: Uint8Array) => Promise<number>) {
    this.#write = write;
  }

  /** Takes text, a line or more; drops it where too much waits already. */
  put(text: string): void {
    if (this.#size > MOST_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(text);
    this.#size += text.length;
    this.#writing ??= this.#writeAll();
  }

  /** Waits until all is written, for so many milliseconds at most. */
  async flush(ms: number): Promise<void> {
    await deadline(this.#writing, ms);
  }

  async #writeAll(): Promise<void> {
    const encoder = new TextEncoder();
    while (this.#waiting.length > 0) {
      let rest = encoder.encode(this.#waiting.join(""));
      this.#waiting = [];
      try {
        while (rest.length > 0) rest = rest.subarray(await this.#write(rest));
      } catch {
        // There is nowhere left to report it.
      }
      this.#size = 0;
      if (this.#lost > 0) {
        this.#waiting.push(`c2s-imds: ${this.#lost} lines of log were lost\n`);
        this.#lost = 0;
      }
    }
    this.#writing = undefined;
  }
}

/** Standard error; a log that cannot be written must not stop the proxy. */
const stderr = new NonBlockingWriter((bytes) => Deno.stderr.write(bytes));

/** Standard output; a reader that has seen enough (`| head`) is no error. */
function stdout(text: string): void {
  try {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error("Cannot write standard output", { cause });
  }
}

/** What a terminal has that does not tell: this fits on any. */
const USUAL_COLUMNS = 80;

function terminalColumns(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  return Deno.consoleSize().columns || USUAL_COLUMNS;
}

/**
 * Gives subcommands the real streams, environment, files and signals.
 *
 * @param build what this program was made from
 */
export function realIo(build: Build): Io {
  return {
    build,
    env: Object.freeze(Deno.env.toObject()),
    columns: terminalColumns(),
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
