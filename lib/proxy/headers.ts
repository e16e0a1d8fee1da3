/**
 * Which headers go through: all but those of one connection and of framing.
 *
 * @module
 */
import { memoize } from "../system/memoize.ts";

/** A header as name and value, in the order of the wire. */
export type Header = readonly [name: string, value: string];

/**
 * The headers of one connection
 * ([RFC 9110, 7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)).
 */
const HOP_BY_HOP: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Described anew from the bytes that are sent. */
const FRAMING: readonly string[] = ["content-length"];

/** Handled before a request gets here: `Deno.serve` answers it with 100. */
const ANSWERED: readonly string[] = ["expect"];

/**
 * Names never taken for hop-by-hop, whatever a Connection header says: what the
 * service decides by. A program that forwards its own client's Connection would
 * lose the protection of X-Forwarded-For, with which no token is given out.
 */
const END_TO_END: readonly string[] = [
  "host",
  "x-forwarded-for",
  "x-aws-ec2-metadata-token",
  "x-aws-ec2-metadata-token-ttl-seconds",
];

const ALWAYS_DROPPED = new Set([...HOP_BY_HOP, ...FRAMING]);
const DROPPED_UPWARDS = new Set([...ALWAYS_DROPPED, ...ANSWERED]);

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

/** The headers that a Connection header names, beside those always dropped. */
const named = memoize((connection: string): ReadonlySet<string> => {
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  return new Set(
    names.filter((name) =>
      !END_TO_END.includes(name) && !ALWAYS_DROPPED.has(name)
    ),
  );
});

const NONE: ReadonlySet<string> = new Set();

/** The fields of a request, read once: every look into `Headers` is dear. */
export class Fields {
  /** Names in lower case and values, sorted by name. */
  readonly all: readonly Header[];

  /**
   * Reads the fields.
   *
   * @param headers the request's
   */
  constructor(headers: Headers) {
    const all: Header[] = [];
    headers.forEach((value, name) => all.push([name, value]));
    this.all = all;
  }

  /** The value of a field, by its name in lower case. */
  get(name: string): string | undefined {
    for (const field of this.all) if (field[0] === name) return field[1];
    return undefined;
  }
}

/**
 * The headers that go up.
 *
 * @param fields the client's
 * @param upstream the Host for a client that sent none (HTTP/1.0)
 */
export function requestHeaders(fields: Fields, upstream: string): Header[] {
  const connection = fields.get("connection");
  const dropped = connection === undefined ? NONE : named(connection);
  const kept: Header[] = [["host", fields.get("host") ?? upstream]];
  for (const field of fields.all) {
    const name = field[0];
    if (name === "host" || DROPPED_UPWARDS.has(name) || dropped.has(name)) {
      continue;
    }
    kept.push(field);
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

/**
 * The headers that come down.
 *
 * @param rawHeaders names and values in turn
 */
export function answerHeaders(rawHeaders: readonly string[]): Header[] {
  const pairs: Header[] = [];
  let dropped = NONE;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const value = rawHeaders[i + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "connection") {
      dropped = dropped.union(named(value));
    }
    if (!ALWAYS_DROPPED.has(lower)) pairs.push([name, value]);
  }
  if (dropped.size === 0) return pairs;
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** The headers that still hold when the body was rewritten. */
export function headersOfRewritten(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !OF_THE_BYTES.has(name.toLowerCase()));
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
  const kept = headers.filter(([name]) =>
    !OF_THE_REPLACED.has(name.toLowerCase())
  );
  if (contentType === undefined) return kept;
  return [
    ...kept.filter(([name]) => name.toLowerCase() !== "content-type"),
    ["Content-Type", contentType],
  ];
}
