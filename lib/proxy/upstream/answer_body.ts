/**
 * Reads the body of an answer, to its end and no further.
 *
 * @module
 */
import { concat } from "../../system/bytes.ts";
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

/** The start of a body. */
export interface BodyStart {
  /** The bytes so far. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether that is all of it. */
  readonly whole: boolean;
}

/** A body that is read as it is needed. */
export class AnswerBody {
  readonly #connection: Connection;
  readonly #framing: Framing;
  /** What is left: of the body, or of the present chunk. */
  #left: number;
  #begun = false;
  #ended = false;

  /**
   * Begins at the end of the head.
   *
   * @param connection where it comes; closed when the body has ended
   * @param framing how its end is known
   */
  constructor(connection: Connection, framing: Framing) {
    this.#connection = connection;
    this.#framing = framing;
    this.#left = framing.kind === "length" ? framing.length : 0;
  }

  /**
   * Reads until the body ends or more than `limit` bytes are there.
   *
   * @param limit how many bytes are enough
   * @throws {UpstreamError} when it breaks off or takes too long
   */
  async start(limit: number): Promise<BodyStart> {
    // Mostly it came together with the head.
    const all = this.#framing.kind === "length"
      ? this.#connection.take(this.#left)
      : undefined;
    if (all !== undefined) {
      this.#finish();
      return { bytes: all, whole: true };
    }
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let size = 0; size <= limit;) {
      const chunk = await this.read();
      if (chunk === undefined) return { bytes: concat(chunks), whole: true };
      chunks.push(chunk.slice());
      size += chunk.length;
    }
    return { bytes: concat(chunks), whole: false };
  }

  /**
   * Reads what comes next.
   *
   * @returns bytes that hold until the next read; `undefined` at the end
   * @throws {UpstreamError} when it breaks off
   */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    try {
      const bytes = await this.#next();
      if (bytes === undefined) this.#finish();
      return bytes;
    } catch (error) {
      const reason = brokeOff(error);
      this.destroy(reason);
      throw reason;
    }
  }

  /**
   * Gives it up, unless it was read to its end.
   *
   * @param reason what a read under way or to come fails with
   */
  destroy(reason?: Error): void {
    if (!this.#ended) this.#connection.close(reason);
  }

  #finish(): void {
    this.#ended = true;
    this.#connection.finish();
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
    for (;;) {
      const bytes = await this.#connection.read();
      if (bytes === undefined) throw brokeOff("incomplete body");
      const end = bytes.indexOf(LF);
      const part = end < 0 ? bytes : bytes.subarray(0, end + 1);
      if (line.length + part.length > MAX_LINE_BYTES) {
        throw badAnswer("a line too long");
      }
      for (const byte of part) line += String.fromCharCode(byte);
      if (end < 0) continue;
      this.#connection.unread(bytes.subarray(end + 1));
      if (!line.endsWith("\r\n")) throw badAnswer("a line without its end");
      line = line.slice(0, -2);
      if (hasControl(line)) throw badAnswer("a control character in a line");
      return line;
    }
  }
}
