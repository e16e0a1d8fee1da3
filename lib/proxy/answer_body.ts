/**
 * Reads the body of an answer, to its end and no further.
 *
 * @module
 */
import { type Framing, hasControl, isField } from "./answer_head.ts";
import type { Connection } from "./connection.ts";
import { badAnswer, brokeOff } from "./upstream_error.ts";

/** The longest line before a chunk, and the longest trailer; real ones have 6. */
const MAX_LINE_BYTES = 4_096;

const LF = 10;

/** A chunk extension, without the white space that only bad servers send. */
const EXTENSION =
  /;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[^"\\]|\\.)*"))?/;

/** [RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1). */
const SIZE_LINE = new RegExp(
  `^([0-9a-f]{1,12})(?:${EXTENSION.source})*$`,
  "i",
);

/** What others may read as the length of the body after all. */
const FRAMING = /^(?:content-length|transfer-encoding):/i;

/** A body that is read as it is needed. */
export class AnswerBody {
  readonly #connection: Connection;
  readonly #framing: Framing;
  readonly #release: (whole: boolean) => void;
  /** What is left: of the body, or of the present chunk. */
  #left: number;
  #begun = false;
  /** How it ended, if it has. */
  #end: "whole" | "given up" | undefined;

  /**
   * Begins at the end of the head.
   *
   * @param connection where it comes
   * @param framing how its end is known
   * @param release called once: whether it was read to its end
   */
  constructor(
    connection: Connection,
    framing: Framing,
    release: (whole: boolean) => void,
  ) {
    this.#connection = connection;
    this.#framing = framing;
    this.#release = release;
    this.#left = framing.kind === "length" ? framing.length : 0;
  }

  /**
   * Takes all of it, where it came together with the head, as it mostly does.
   *
   * @returns the body; `undefined` when it must be read
   */
  takeWhole(): Uint8Array | undefined {
    if (this.#end !== undefined || this.#framing.kind !== "length") {
      return undefined;
    }
    const bytes = this.#connection.take(this.#left);
    if (bytes !== undefined) this.#finish(true);
    return bytes;
  }

  /**
   * Reads what comes next.
   *
   * @returns bytes that hold until the next read; `undefined` at the end
   * @throws {UpstreamError} when it breaks off
   */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#end === "whole") return undefined;
    try {
      // Its end would make whole what is not.
      if (this.#end === "given up") throw brokeOff("given up");
      const bytes = await this.#next();
      if (bytes === undefined) this.#finish(true);
      return bytes;
    } catch (error) {
      this.#finish(false);
      throw brokeOff(error);
    }
  }

  /** Gives it up unless it is over; a read under way or to come fails. */
  destroy(): void {
    this.#finish(false);
  }

  #finish(whole: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = whole ? "whole" : "given up";
    this.#release(whole);
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#framing.kind === "end") return await this.#connection.read();
    if (this.#left === 0) {
      if (this.#framing.kind === "length") return undefined;
      this.#left = await this.#chunkSize();
      if (this.#left === 0) return undefined;
    }
    const bytes = await this.#connection.read();
    if (bytes === undefined) throw brokeOff("incomplete body");
    const taken = bytes.subarray(0, this.#left);
    this.#left -= taken.length;
    this.#connection.unread(bytes.subarray(taken.length));
    return taken;
  }

  /** Reads up to the bytes of the next chunk; the last one has none. */
  async #chunkSize(): Promise<number> {
    if (this.#begun && await this.#line() !== "") {
      throw badAnswer("a chunk longer than its size");
    }
    this.#begun = true;
    const [, digits] = SIZE_LINE.exec(await this.#line()) ?? [];
    if (digits === undefined) throw badAnswer("a chunk without a size");
    const size = parseInt(digits, 16);
    if (size > 0) return size;
    // Trailers go no further.
    let left = MAX_LINE_BYTES;
    for (;;) {
      const line = await this.#line();
      if (line === "") return 0;
      left -= line.length;
      if (left < 0) throw badAnswer("a trailer too long");
      if (!isField(line)) throw badAnswer("a trailer that is no field");
      if (FRAMING.test(line)) throw badAnswer("a trailer about its length");
    }
  }

  /** Reads a line, without its end. */
  async #line(): Promise<string> {
    let line = "";
    while (line.length <= MAX_LINE_BYTES) {
      const bytes = await this.#connection.read();
      if (bytes === undefined) throw brokeOff("incomplete body");
      const end = bytes.indexOf(LF);
      const part = end < 0 ? bytes : bytes.subarray(0, end + 1);
      for (const byte of part.subarray(0, MAX_LINE_BYTES + 1)) {
        line += String.fromCharCode(byte);
      }
      if (end < 0) continue;
      this.#connection.unread(bytes.subarray(end + 1));
      if (!line.endsWith("\r\n")) throw badAnswer("a line without its end");
      line = line.slice(0, -2);
      if (hasControl(line)) throw badAnswer("a control character in a line");
      return line;
    }
    throw badAnswer("a line too long");
  }
}
