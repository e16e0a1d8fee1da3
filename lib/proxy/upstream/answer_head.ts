/**
 * Reads the head of an answer. What a careful server would not send is no
 * answer: two programs may read it in two ways, and a client be given what the
 * service did not mean.
 *
 * @module
 */
import type { Connection } from "./connection.ts";
import { badAnswer, brokeOff } from "./upstream_error.ts";

/** The most bytes an answer's head may have; real ones have about 300. */
const MAX_HEAD_BYTES = 64 * 1024;

/** How the end of a body is known. */
export type Framing =
  /** After so many bytes. */
  | { readonly kind: "length"; readonly length: number }
  /** By the chunks. */
  | { readonly kind: "chunks" }
  /** By the end of the connection. */
  | { readonly kind: "end" };

/** The head of an answer. */
export interface AnswerHead {
  /** The status code. */
  readonly status: number;
  /** Names and values in turn, as they came, one character a byte. */
  readonly fields: readonly string[];
  /** The Content-Length as it came, if any. */
  readonly length: string | undefined;
  /** How the body ends. */
  readonly framing: Framing;
}

/** How every answer begins. */
const START = new TextEncoder().encode("HTTP/1.");

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/s;

/** A field ([RFC 9110, 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)). */
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)$/s;

/** What no line of a head may hold: a lone CR or LF could end it for others. */
// deno-lint-ignore no-control-regex -- control characters are the point
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

const CR = 13;
const LF = 10;

/**
 * Reads the head of the answer to a request; interim answers are passed over.
 *
 * @param connection where it comes
 * @param method the request's method
 * @throws {UpstreamError} when it breaks off or is no answer
 */
export async function readHead(
  connection: Connection,
  method: string,
): Promise<AnswerHead> {
  for (;;) {
    const head = parseHead(await headText(connection), method);
    if (head.status >= 200) return head;
    if (head.status === 101) {
      throw badAnswer("status 101, a change of protocol");
    }
  }
}

/** The text of a head, without the empty line at its end. */
async function headText(connection: Connection): Promise<string> {
  let bytes = await nextOf(connection);
  for (;;) {
    requireStart(bytes);
    const end = endOf(bytes);
    if (end >= 0) {
      connection.unread(bytes.subarray(end + 4));
      return latin1(bytes.subarray(0, end));
    }
    if (bytes.length > MAX_HEAD_BYTES) {
      throw badAnswer(`its head has over ${MAX_HEAD_BYTES} bytes`);
    }
    const before = bytes.slice();
    const more = await nextOf(connection);
    bytes = new Uint8Array(before.length + more.length);
    bytes.set(before);
    bytes.set(more, before.length);
  }
}

async function nextOf(connection: Connection): Promise<Uint8Array> {
  const bytes = await connection.read();
  if (bytes === undefined) throw brokeOff("the connection ended");
  return bytes;
}

function requireStart(bytes: Uint8Array): void {
  for (let i = 0; i < START.length && i < bytes.length; i++) {
    if (bytes[i] !== START[i]) throw badAnswer("not HTTP/1");
  }
}

/** Where the empty line begins that ends a head; -1 when there is none. */
function endOf(bytes: Uint8Array): number {
  for (let at = 0;; at++) {
    at = bytes.indexOf(CR, at);
    if (at < 0 || at + 3 >= bytes.length) return -1;
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) {
      return at;
    }
  }
}

/** As many arguments as fit on any stack. */
const MAX_ARGUMENTS = 4_096;

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

/**
 * Understands a head.
 *
 * @param text its lines, one character a byte, without the empty one
 * @param method the request's method
 * @throws {UpstreamError} when it is none
 */
export function parseHead(text: string, method: string): AnswerHead {
  const lines = text.split("\r\n");
  if (lines.some(hasControl)) {
    throw badAnswer("a control character in its head");
  }
  const [first = ""] = lines;
  const [, code] = STATUS_LINE.exec(first) ?? [];
  if (code === undefined) throw badAnswer("no status line");
  const status = Number(code);
  const fields: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  for (let i = 1; i < lines.length; i++) {
    const [, name, padded] = FIELD.exec(lines[i] ?? "") ?? [];
    if (name === undefined || padded === undefined) {
      throw badAnswer("a line that is no field");
    }
    const value = unpadded(padded);
    fields.push(name, value);
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== undefined) throw badAnswer("two lengths");
        length = value;
        break;
      case "transfer-encoding":
        coding = coding === undefined ? value : `${coding}, ${value}`;
    }
  }
  const framing = framingOf(status, method, length, coding);
  return { status, fields, length, framing };
}

/**
 * Whether a line is a field, as those behind a body are, too.
 *
 * @param line the line without its end
 */
export function isField(line: string): boolean {
  return FIELD.test(line);
}

/**
 * Whether a line holds what no line may.
 *
 * @param line the line without its end
 */
export function hasControl(line: string): boolean {
  return CONTROL.test(line);
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

const NOTHING: Framing = { kind: "length", length: 0 };

/** [RFC 9112, 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3). */
function framingOf(
  status: number,
  method: string,
  length: string | undefined,
  coding: string | undefined,
): Framing {
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw badAnswer("a length that is no number");
  }
  if (length !== undefined && coding !== undefined) {
    throw badAnswer("a length and a transfer coding");
  }
  // No other was asked for.
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    throw badAnswer('a transfer coding that is not "chunked"');
  }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return NOTHING;
  }
  if (coding !== undefined) return { kind: "chunks" };
  return length === undefined
    ? { kind: "end" }
    : { kind: "length", length: Number(length) };
}
