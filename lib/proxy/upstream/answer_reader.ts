/**
 * Reads an answer of the service: its head, and its body to its end and no
 * further. What a careful server would not send is no answer: two programs may
 * read it in two ways, and a client be given what the service did not mean.
 *
 * @module
 */
import { concat } from "../../system/bytes.ts";
import { answerHeaders, type Header, valuesOf } from "../headers.ts";
import type { Connection } from "./connection.ts";
import { badAnswer, brokeOff, UpstreamError } from "./upstream_error.ts";

/** The most bytes an answer's head may have; real ones have about 300. */
const MAX_HEAD_BYTES = 64 * 1024;

/** The most interim answers; a service that sends more never gets to its own. */
const MAX_INTERIM = 100;

/** The longest line before a chunk, and the longest trailer; real ones have 6. */
const MAX_LINE_BYTES = 4_096;

/** How every answer begins. */
const START = "HTTP/1.";

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/s;

/** The name of a field ([RFC 9110, 5.1](https://www.rfc-editor.org/rfc/rfc9110#section-5.1)). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A chunk extension, without the white space that only bad servers send. */
const EXTENSION =
  /;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[^"\\]|\\.)*"))?/;

/** [RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1). */
const SIZE_LINE = new RegExp(
  `^([0-9a-f]{1,12})(?:${EXTENSION.source})*$`,
  "i",
);

/** What no line may hold: a lone CR or LF could end it for others. */
// deno-lint-ignore no-control-regex -- control characters are the point
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

const LF = 0x0a;

/** What ends a line, and what ends a head or the fields behind a body. */
const LINE_END = /\n/g;
const FIELDS_END = /(?:^|\n)\r?\n/g;

/** As many arguments as fit on any stack. */
const MAX_ARGUMENTS = 4_096;

/** How the end of a body is known: its length, or by what else. */
type Framing = number | "chunks" | "end";

/** The head of an answer, and the rest to read. */
export interface UpstreamAnswer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers. */
  readonly headers: readonly Header[];
  /** The Content-Length it announced, if any. */
  readonly length: string | undefined;
  /** The body. */
  readonly body: Pick<AnswerBody, "start" | "read" | "destroy">;
}

/**
 * Whether a final status can be handed on, a change of protocol being none.
 * `Deno.serve` takes no others, and sends 205 without a length, so that a
 * client would wait for the end of its body.
 */
function canBeSent(status: number): boolean {
  return status >= 200 && status <= 599 && status !== 205;
}

/**
 * Reads the head of the answer to a request; interim answers are passed over.
 *
 * @param connection where it comes
 * @param method the request's method
 * @throws {UpstreamError} when it breaks off or is no answer
 */
export async function readAnswer(
  connection: Connection,
  method: string,
): Promise<UpstreamAnswer> {
  for (let interim = 0; interim <= MAX_INTERIM; interim++) {
    const head = await readTo(FIELDS_END, connection, MAX_HEAD_BYTES, START);
    const [first = "", ...lines] = head;
    const [, code] = STATUS_LINE.exec(first) ?? [];
    if (code === undefined) throw badAnswer("no status line");
    const status = Number(code);
    const fields = fieldsOf(lines);
    const framing = framingOf(status, method, fields);
    if (status < 200 && status !== 101) continue;
    if (!canBeSent(status)) {
      throw new UpstreamError("broken", `answered with status ${status}`);
    }
    const headers = answerHeaders(fields);
    const [length] = valuesOf(fields, "content-length");
    const body = new AnswerBody(connection, framing);
    return { status, headers, length, body };
  }
  throw badAnswer("too many interim answers");
}

/** [RFC 9112, 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3). */
function framingOf(
  status: number,
  method: string,
  fields: readonly Header[],
): Framing {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  const [length] = lengths;
  if (lengths.length > 1) throw badAnswer("two lengths");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw badAnswer("a length that is no number");
  }
  if (length !== undefined && codings.length > 0) {
    throw badAnswer("a length and a transfer coding");
  }
  // No other was asked for.
  if (codings.length > 0 && codings.join().toLowerCase() !== "chunked") {
    throw badAnswer('a transfer coding that is not "chunked"');
  }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return 0;
  }
  if (codings.length > 0) return "chunks";
  return length === undefined ? "end" : Number(length);
}

/** Takes fields apart. */
function fieldsOf(lines: readonly string[]): Header[] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!NAME.test(name)) throw badAnswer("a line that is no field");
    return [name, unpadded(line.slice(colon + 1))];
  });
}

/** Without the spaces and tabs around it, and those alone. */
function unpadded(value: string): string {
  const isPadding = (at: number) => value[at] === " " || value[at] === "\t";
  let start = 0;
  let end = value.length;
  while (start < end && isPadding(start)) start++;
  while (end > start && isPadding(end - 1)) end--;
  return value.slice(start, end);
}

/**
 * Reads lines up to what ends them, and returns them without their ends.
 *
 * @param end ends them
 * @param mostBytes how many bytes they may have
 * @param start how the first one has to begin
 */
async function readTo(
  end: RegExp,
  connection: Connection,
  mostBytes: number,
  start = "",
): Promise<string[]> {
  for (let text = "", read = 0;; read = text.length) {
    const bytes = await connection.read();
    if (bytes === undefined) throw brokeOff("the connection ended");
    // Of a buffer full of short chunks, each line is made text once.
    const line = end === LINE_END ? bytes.indexOf(LF) + 1 : 0;
    text += latin1(bytes.subarray(0, line || bytes.length));
    if (!text.startsWith(start.slice(0, text.length))) {
      throw badAnswer("not HTTP/1");
    }
    end.lastIndex = Math.max(0, read - 2);
    const isWhole = end.test(text);
    const length = isWhole ? end.lastIndex : text.length;
    if (length > mostBytes) throw badAnswer("a head or line too long");
    if (!isWhole) continue;
    connection.unread(bytes.subarray(length - read));
    const lines = text.slice(0, length).split("\r\n");
    if (lines.some((line) => CONTROL.test(line))) {
      throw badAnswer("a control character in a line");
    }
    // Nothing stands after the last end, and fields end with an empty line.
    return lines.slice(0, end === FIELDS_END ? -2 : -1);
  }
}

/** Bytes as text, one character each. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) {
    const some = bytes.subarray(at, at + MAX_ARGUMENTS);
    // Spread, they would come one by one from an iterator.
    text += String.fromCharCode.apply(null, some as unknown as number[]);
  }
  return text;
}

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
    this.#left = framing === "end"
      ? Infinity
      : framing === "chunks"
      ? 0
      : framing;
  }

  /**
   * Reads until the body ends or more than `limit` bytes are there.
   *
   * @param limit how many bytes are enough
   * @throws {UpstreamError} when it breaks off or takes too long
   */
  async start(limit: number): Promise<BodyStart> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    while (size <= limit) {
      const chunk = await this.read();
      if (chunk !== undefined) chunks.push(chunk.slice());
      size += chunk?.length ?? 0;
      if (this.#ended && size <= limit) {
        const [bytes = concat([])] = chunks;
        return {
          bytes: chunks.length > 1 ? concat(chunks) : bytes,
          whole: true,
        };
      }
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
    const connection = this.#connection;
    try {
      if (this.#left === 0 && this.#framing === "chunks") {
        this.#left = await this.#chunkSize();
      }
      if (this.#left === 0) return this.#end();
      const bytes = await connection.read();
      if (bytes === undefined) {
        if (this.#framing === "end") return this.#end();
        throw brokeOff("incomplete body");
      }
      const taken = bytes.subarray(0, this.#left);
      connection.unread(bytes.subarray(taken.length));
      this.#left -= taken.length;
      if (this.#left === 0 && this.#framing !== "chunks") this.#end();
      return taken;
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

  #end(): undefined {
    this.#ended = true;
    this.#connection.finish();
  }

  /** Reads up to the bytes of the next chunk; the last one has none. */
  async #chunkSize(): Promise<number> {
    const line = async () =>
      (await readTo(LINE_END, this.#connection, MAX_LINE_BYTES))[0] ?? "";
    if (this.#begun && await line() !== "") {
      throw badAnswer("a chunk longer than its size");
    }
    this.#begun = true;
    const [, digits] = SIZE_LINE.exec(await line()) ?? [];
    if (digits === undefined) throw badAnswer("a chunk without a size");
    const size = parseInt(digits, 16);
    if (size > 0) return size;
    // Trailers go no further. One about a length may mean it to others.
    const trailers = fieldsOf(
      await readTo(FIELDS_END, this.#connection, MAX_LINE_BYTES),
    );
    const names = ["content-length", "transfer-encoding"];
    if (names.some((name) => valuesOf(trailers, name).length > 0)) {
      throw badAnswer("a trailer about its length");
    }
    return 0;
  }
}
