/**
 * Which headers go through: all but those of one connection and of framing.
 *
 * @module
 */
import { memoize } from "../system/memoize.ts";

/** A header as name and value, in the order of the wire. */
export type Header = readonly [name: string, value: string];

/** Carries the session token of IMDSv2. */
export const TOKEN_HEADER = "x-aws-ec2-metadata-token";

/** For how many seconds a token is wanted, or is good still. */
export const TOKEN_TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";

/**
 * The headers of one connection
 * ([RFC 9110, 7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)),
 * and framing, which is described anew from the bytes that are sent.
 */
const ALWAYS_DROPPED = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);

/** `Deno.serve` answers Expect with 100 before a request gets here. */
const DROPPED_UPWARDS = new Set([...ALWAYS_DROPPED, "expect", "host"]);

/**
 * Names never taken for hop-by-hop, whatever a Connection header says: what the
 * service decides by. A program that forwards its own client's Connection would
 * lose the protection of X-Forwarded-For, with which no token is given out.
 */
const END_TO_END = new Set([
  "host",
  "x-forwarded-for",
  TOKEN_HEADER,
  TOKEN_TTL_HEADER,
]);

/**
 * Validators and digests of a body, wrong once the body was rewritten
 * ([RFC 9110, 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3),
 * [RFC 9530](https://www.rfc-editor.org/rfc/rfc9530)).
 */
const OF_THE_BYTES = new Set([
  "etag",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
]);

/** What describes a body that another one took the place of. */
const OF_THE_REPLACED = new Set([
  ...OF_THE_BYTES,
  "content-encoding",
  "content-language",
  "content-range",
]);

/** The headers that a Connection header names, and those always dropped. */
const named = memoize((connection: string): ReadonlySet<string> => {
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  return new Set(names).difference(END_TO_END).union(ALWAYS_DROPPED);
});

/**
 * The fields of a request, read once: every look into `Headers` is expensive.
 *
 * @param headers the request's
 * @returns names in lower case and values, sorted by name
 */
export function fieldsOf(headers: Headers): Header[] {
  const all: Header[] = [];
  headers.forEach((value, name) => all.push([name, value]));
  return all;
}

/**
 * The value of a request's header.
 *
 * @param headers the headers, names in lower case
 * @param name its name in lower case
 */
export function valueOf(
  headers: readonly Header[],
  name: string,
): string | undefined {
  for (const header of headers) if (header[0] === name) return header[1];
  return undefined;
}

/**
 * The values of an answer's header.
 *
 * @param headers the headers
 * @param name its name in lower case
 */
export function valuesOf(headers: readonly Header[], name: string): string[] {
  const values: string[] = [];
  for (const [given, value] of headers) {
    if (given.length === name.length && given.toLowerCase() === name) {
      values.push(value);
    }
  }
  return values;
}

/**
 * The headers that go up.
 *
 * @param fields the client's
 * @param upstream the Host for a client that sent none (HTTP/1.0)
 */
export function requestHeaders(
  fields: readonly Header[],
  upstream: string,
): Header[] {
  const connection = valueOf(fields, "connection");
  const dropped = connection === undefined ? ALWAYS_DROPPED : named(connection);
  const kept: Header[] = [["host", valueOf(fields, "host") ?? upstream]];
  for (const field of fields) {
    const name = field[0];
    if (!DROPPED_UPWARDS.has(name) && !dropped.has(name)) kept.push(field);
  }
  return kept;
}

/**
 * The headers that go up where the answer may be rewritten: a compressed one
 * would pass with the real region in it.
 *
 * @param headers the headers that would go up otherwise
 */
export function identityOnly(headers: readonly Header[]): Header[] {
  return [
    ...headers.filter(([name]) => name !== "accept-encoding"),
    ["accept-encoding", "identity"],
  ];
}

/** The headers that come down, of those the service sent. */
export function answerHeaders(headers: readonly Header[]): Header[] {
  const connection = valuesOf(headers, "connection");
  return without(
    headers,
    connection.length === 0 ? ALWAYS_DROPPED : named(connection.join()),
  );
}

/** The headers that still hold when the body was rewritten. */
export function headersOfRewritten(headers: readonly Header[]): Header[] {
  return without(headers, OF_THE_BYTES);
}

/**
 * The headers that still hold when another body took the place of the
 * service's.
 *
 * @param headers the service's
 * @param contentType the new body's, unless the old one's still holds
 */
export function headersOfReplaced(
  headers: readonly Header[],
  contentType?: string,
): Header[] {
  const kept = without(headers, OF_THE_REPLACED);
  if (contentType === undefined) return kept;
  return [
    ...without(kept, new Set(["content-type"])),
    ["Content-Type", contentType],
  ];
}

function without(
  headers: readonly Header[],
  names: ReadonlySet<string>,
): Header[] {
  return headers.filter((header) => !names.has(header[0].toLowerCase()));
}
