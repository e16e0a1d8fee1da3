/**
 * Standard error without waiting: a reader that has stopped reading must not
 * stop the proxy.
 *
 * @module
 */
import { after } from "../system/timers.ts";

/** The most text that waits to be written, in characters. */
const MOST_WAITING = 256 * 1024;

/** Takes text at once and writes it when it can. */
export class Outlet {
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
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const inTime = after(ms, resolve);
    await Promise.race([this.#writing, late]);
    inTime();
  }

  async #writeAll(): Promise<void> {
    const encoder = new TextEncoder();
    while (this.#waiting.length > 0) {
      let rest = encoder.encode(this.#waiting.join(""));
      this.#waiting = [];
      try {
        while (rest.length > 0) rest = rest.subarray(await this.#write(rest));
      } catch {
        // Nowhere is left to tell of it.
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
