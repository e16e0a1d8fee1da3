/**
 * What a running process writes, for tests that wait for a piece of it.
 *
 * @module
 */

/** How long a busy machine may take to write it, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Gathers a stream as text. */
export class Output {
  /** What came so far. */
  text = "";
  /** Settles at the end of the stream. */
  readonly done: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #ended = false;
  #news = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.done = this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    while (!this.#ended) {
      const { done, value } = await this.#reader.read();
      this.text += decoder.decode(value, { stream: !done });
      this.#ended = done;
      this.#tell();
    }
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Reads no more, so that writing to it fails. */
  close(): Promise<void> {
    return this.#reader.cancel();
  }

  /**
   * Waits until it matches.
   *
   * @throws {Error} with all of it, when it ends or a minute passes before that
   */
  async shows(pattern: RegExp): Promise<RegExpMatchArray> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#tell();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const found = this.text.match(pattern);
        if (found !== null) return found;
        if (this.#ended || isLate) {
          const why = isLate ? `in ${PATIENCE_MS} ms` : "before its end";
          throw new Error(`No ${pattern} in the output ${why}: ${this.text}`);
        }
        await this.#news.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
