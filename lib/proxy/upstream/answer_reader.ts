/**
 * Reads an answer of the service: its head, and its body to its end and no
 * further. What a careful server would not send is no answer: two programs may
 * read it in two ways, and a client be given what the service did not mean.
 *
 * @module
 */
import { asciiOf, concat, Gathered } from "../../system/bytes.ts";
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

/** What no line may hold: a lone CR or LF could end it for others. */
const CONTROL = String.raw`\x00-\x08\x0a-\x1f\x7f`;

const STATUS_LINE = new RegExp(
  String.raw`^HTTP/1\.[01] ([1-9]\d\d)(?: [^${CONTROL}]*)?\r\n`,
);

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";

/** [RFC 9112, 5](https://www.rfc-editor.org/rfc/rfc9112#section-5). */
const FIELD = new RegExp(
  String
    .raw`(${TOKEN}):[ \t]*(?:([^${CONTROL} \t](?:[^${CONTROL}]*[^${CONTROL} \t])?)[ \t]*)?\r\n`,
  "y",
);

/** A chunk extension, without the white space that only bad servers send. */
const EXTENSION = String
  .raw`;${TOKEN}(?:=(?:${TOKEN}|"(?:[^"\\${CONTROL}]|\\[^${CONTROL}])*"))?`;

/** [RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1). */
const SIZE_LINE = new RegExp(
  String.raw`^([0-9a-f]{1,12})(?:${EXTENSION})*\r\n$`,
  "i",
);

const CR = 0x0d;
const LF = 0x0a;

/** What is read to its end: a line, or a head or the fields behind a body. */
type Part = "line" | "fields";

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
    const head = await readText("fields", connection, MAX_HEAD_BYTES, START);
    const [line = "", code] = STATUS_LINE.exec(head) ?? [];
    if (code === undefined) throw badAnswer("no status line");
    const status = Number(code);
    const fields = fieldsOf(head, line.length);
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

/**
 * Takes fields apart.
 *
 * @param text with the empty line after them
 * @param from where they begin in it
 */
function fieldsOf(text: string, from: number): Header[] {
  const fields: Header[] = [];
  const end = text.length - "\r\n".length;
  FIELD.lastIndex = from;
  for (let at = from; at !== end; at = FIELD.lastIndex) {
    const [, name, value = ""] = FIELD.exec(text) ?? [];
    if (name === undefined) throw badAnswer("a line that is no field");
    fields.push([name, value]);
  }
  return fields;
}

/**
 * Reads text, its end included.
 *
 * @param mostBytes how many bytes it may have
 * @param start how it has to begin
 */
async function readText(
  part: Part,
  connection: Connection,
  mostBytes: number,
  start = "",
): Promise<string> {
  const gathered = new Gathered();
  for (;;) {
    const more = await connection.read();
    if (more === undefined) throw brokeOff("the connection ended");
    const { size } = gathered;
    // Nearly always it comes at once.
    const isFirst = size === 0;
    if (!isFirst) gathered.add(more);
    const bytes = isFirst ? more : gathered.bytes;
    if (!start.startsWith(latin1(bytes.subarray(0, start.length)))) {
      throw badAnswer("not HTTP/1");
    }
    const end = endOf(part, bytes, size);
    if ((end ?? bytes.length) > mostBytes) {
      throw badAnswer("a head or line too long");
    }
    if (end !== undefined) {
      connection.unread(more.subarray(end - size));
      return latin1(bytes.subarray(0, end));
    }
    if (isFirst) gathered.add(more);
  }
}

/**
 * Where a part ends.
 *
 * @param read how many of the bytes were searched before
 * @returns the offset after its end; `undefined` where that has not come yet
 */
function endOf(
  part: Part,
  bytes: Uint8Array,
  read: number,
): number | undefined {
  let at = bytes.indexOf(LF, read);
  while (at >= 0 && part === "fields" && !isEmptyLine(bytes, at)) {
    at = bytes.indexOf(LF, at + 1);
  }
  return at < 0 ? undefined : at + 1;
}

/** Whether the line that ends with the LF at an offset is empty. */
function isEmptyLine(bytes: Uint8Array, lf: number): boolean {
  const before = bytes[lf - 1] === CR ? lf - 2 : lf - 1;
  return before < 0 || bytes[before] === LF;
}

/** Bytes as text, one character each. */
function latin1(bytes: Uint8Array): string {
  return asciiOf(bytes) ??
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
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
      const isAll = bytes.length <= this.#left;
      const taken = isAll ? bytes : bytes.subarray(0, this.#left);
      if (!isAll) connection.unread(bytes.subarray(taken.length));
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
    const connection = this.#connection;
    const line = () => readText("line", connection, MAX_LINE_BYTES);
    if (this.#begun && await line() !== "\r\n") {
      throw badAnswer("a chunk longer than its size");
    }
    this.#begun = true;
    const [, digits] = SIZE_LINE.exec(await line()) ?? [];
    if (digits === undefined) throw badAnswer("a chunk without a size");
    const size = parseInt(digits, 16);
    if (size > 0) return size;
    // Trailers go no further. One about a length may mean it to others.
    const text = await readText("fields", connection, MAX_LINE_BYTES);
    const trailers = fieldsOf(text, 0);
    const names = ["content-length", "transfer-encoding"];
    if (names.some((name) => valuesOf(trailers, name).length > 0)) {
      throw badAnswer("a trailer about its length");
    }
    return 0;
  }
}
