/**
 * Reads what a client sent the way RFC 9112 says, plainly: what the proxy and
 * the server under it make of the same bytes must not go beyond.
 *
 * @module
 */
import { type RawHeader, valuesOf } from "../helpers/raw.ts";

/** A request as it is to be understood. */
export interface ReadRequest {
  /** The method. */
  readonly method: string;
  /** The target, as it came. */
  readonly target: string;
  /** Whether it is HTTP/1.0. */
  readonly old: boolean;
  /** Whether its lines end and begin as they must, not as they may. */
  readonly tidy: boolean;
  /** The header, names in lower case. */
  readonly headers: readonly RawHeader[];
  /** The body, chunks put together. */
  readonly body: string;
  /**
   * Whether it must go up, must not, or may: a server may be stricter than
   * the standard, never laxer.
   */
  readonly goesUp: "always" | "never" | "maybe";
  /** Whether the client wants to close afterwards. */
  readonly closes: boolean;
}

/** All that stands in some bytes. */
export interface Reading {
  /** The requests that are there to their last byte. */
  readonly requests: readonly ReadRequest[];
  /**
   * What comes after them: nothing that counts, the beginning of another
   * request, or what never becomes one.
   */
  readonly rest: "nothing" | "begun" | "bad";
}

/** RFC 9112, 2.2: a line may end in LF alone; empty ones may stand before. */
const HEAD = /^(?:\r?\n)*([\s\S]*?)\r?\n\r?\n/;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP\/1\.([01])$/;
// deno-lint-ignore no-control-regex -- control characters are the point
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/s;

/** What the service decides by goes up, whatever Connection says. */
const DECIDING =
  /^x-(?:forwarded-for|aws-ec2-metadata-token(?:-ttl-seconds)?)$/;

/** What nobody has a reason to refuse. */
const PLAIN_TARGET = /^\/[\w/.~%?=&-]*$/;
const PLAIN_HOST = /^[\w.:[\]-]+$/;
const PLAIN_FIELDS = 100;
const PLAIN_BYTES = 16_000;

/** The most bytes a body may have. */
const MOST_BODY = 64 * 1024;

/**
 * Reads bytes.
 *
 * @param bytes all that a client sent, one character a byte
 */
export function readRequests(bytes: string): Reading {
  const requests: ReadRequest[] = [];
  let rest = bytes;
  for (;;) {
    if (rest === "") return { requests, rest: "nothing" };
    const head = HEAD.exec(rest);
    if (head === null) return { requests, rest: "begun" };
    const read = requestOf(
      head[1] ?? "",
      // RFC 9112, 2.2: these forms should be understood, not must.
      /^[^\r\n]/.test(rest) && !/[^\r]\n/.test(head[0]),
      rest.slice(head[0].length),
    );
    if (typeof read === "string") return { requests, rest: read };
    requests.push(read.request);
    if (read.request.closes) return { requests, rest: "nothing" };
    rest = read.rest;
  }
}

function requestOf(
  head: string,
  tidy: boolean,
  rest: string,
): { readonly request: ReadRequest; readonly rest: string } | "bad" | "begun" {
  const [first = "", ...lines] = head.split(/\r?\n/);
  const [, method, target, version] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) return "bad";
  if (!isTarget(method, target)) return "bad";
  const headers: RawHeader[] = [];
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined || CONTROL.test(line)) {
      return "bad";
    }
    headers.push([name.toLowerCase(), value]);
  }
  const old = version === "0";
  // Empty ones are as good as none.
  const hosts = valuesOf({ headers }, "host").filter((it) => it !== "");
  if (hosts.length > 1 && !old) return "bad";
  const body = bodyOf(method, headers, old, rest);
  if (typeof body === "string") return body;
  const options = valuesOf({ headers }, "connection").join(",").toLowerCase()
    .split(",").map((it) => it.trim());
  const closes = options.includes("close") ||
    old && !options.includes("keep-alive");
  const request = {
    method,
    target,
    old,
    tidy: tidy && body.tidy,
    headers,
    body: body.body,
    closes,
  };
  return {
    request: { ...request, goesUp: goesUp(request, head.length) },
    rest: body.rest,
  };
}

/** RFC 9112, 3.2, and bytes beyond ASCII as long as they are UTF-8. */
function isTarget(method: string, target: string): boolean {
  if (CONTROL.test(target)) return false;
  if (target === "*") return method === "OPTIONS";
  if (method === "CONNECT") return true;
  if (!/^(?:\/|[A-Za-z][\w+.-]*:\/\/)/.test(target)) return false;
  if (!/[\x80-\xff]/.test(target)) return true;
  try {
    const bytes = Uint8Array.from(target, (it) => it.charCodeAt(0));
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A body, and whether it is framed as it must be, not as it may. */
interface Body {
  readonly body: string;
  readonly rest: string;
  readonly tidy: boolean;
}

/** RFC 9112, 6.3; two ways to say the length are none. */
function bodyOf(
  method: string,
  headers: readonly RawHeader[],
  old: boolean,
  rest: string,
): Body | "bad" | "begun" {
  const lengths = valuesOf({ headers }, "content-length");
  const codings = valuesOf({ headers }, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0 || old) return "bad";
    const names = codings.join(",").toLowerCase().split(",")
      .map((it) => it.trim());
    if (names.at(-1) !== "chunked") return "bad";
    return chunksOf(rest);
  }
  const [length = "0"] = lengths;
  if (!/^\d+$/.test(length) || lengths.some((it) => it !== length)) {
    return "bad";
  }
  // RFC 9110, 9.3.6: it has no content, whatever it says.
  const size = method === "CONNECT" ? 0 : Number(length);
  if (rest.length < size) return "begun";
  return { body: rest.slice(0, size), rest: rest.slice(size), tidy: true };
}

/** Spaces around a size do no harm: what goes up is framed anew. */
const SIZE_LINE = /^[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;.*)?$/;

function chunksOf(text: string): Body | "bad" | "begun" {
  let body = "";
  let rest = text;
  let tidy = true;
  for (;;) {
    const line = /^([^\r\n]*)\r\n/.exec(rest);
    if (line === null) return /[\r\n]./.test(rest) ? "bad" : "begun";
    const [, digits] = SIZE_LINE.exec(line[1] ?? "") ?? [];
    if (digits === undefined) return "bad";
    tidy &&= !/[ \t]/.test(line[1] ?? "");
    rest = rest.slice(line[0].length);
    const size = parseInt(digits, 16);
    if (size === 0) break;
    if (rest.length < size + 2) return "begun";
    if (rest.slice(size, size + 2) !== "\r\n") return "bad";
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  const trailers = /^((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
  if (trailers === null) return "begun";
  const lines = (trailers[1] ?? "").split("\r\n").slice(0, -1);
  if (lines.some((line) => !FIELD.test(line) || CONTROL.test(line))) {
    return "bad";
  }
  return { body, rest: rest.slice(trailers[0].length), tidy };
}

/** The promises of the proxy, said once more. */
function goesUp(
  { method, target, tidy, headers, body }: Omit<ReadRequest, "goesUp">,
  headSize: number,
): ReadRequest["goesUp"] {
  const values = (name: string) => valuesOf({ headers }, name);
  const hosts = values("host").filter((it) => it !== "");
  const [coding] = values("transfer-encoding");
  const [length] = values("content-length");
  const reads = ["GET", "HEAD"].includes(method);
  if (
    !["GET", "HEAD", "PUT", "OPTIONS"].includes(method) ||
    values("origin").length > 0 || values("sec-fetch-site").length > 0 ||
    hosts.length > 1 || !PLAIN_HOST.test(hosts[0] ?? "none") ||
    reads && (coding !== undefined || Number(length ?? 0) > 0) ||
    coding !== undefined && coding.toLowerCase() !== "chunked" ||
    values("transfer-encoding").length > 1 ||
    body.length > MOST_BODY
  ) return "never";
  const plain = tidy && hosts.length === 1 && values("host").length === 1 &&
    PLAIN_TARGET.test(target) &&
    headers.length <= PLAIN_FIELDS && headSize <= PLAIN_BYTES &&
    values("content-length").length < 2 && values("upgrade").length === 0;
  return plain ? "always" : "maybe";
}

/** Fields of one connection, of framing, and the one answered underway. */
const STAY_BEHIND: readonly string[] = [
  ...["connection", "content-length", "expect", "keep-alive", "te", "trailer"],
  ...["proxy-connection", "transfer-encoding", "upgrade"],
];

/**
 * The bytes that go up for a request, as docs/fidelity.md says.
 *
 * @param request the request
 * @param authority the upstream's, for a request without a Host
 */
export function goingUp(request: ReadRequest, authority: string): string {
  const { method, target, headers, body } = request;
  const connection = valuesOf({ headers }, "connection").join(",");
  const named = connection.toLowerCase().split(",").map((it) => it.trim())
    .filter((name) => !DECIDING.test(name));
  const fields = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = fields.get(name);
    const joint = name === "cookie" ? "; " : ", ";
    // An empty one adds nothing before another, but does behind it.
    const first = before === undefined || before === "";
    fields.set(name, first ? value : before + joint + value);
  }
  const host = fields.get("host") ?? authority;
  const kept = [...fields]
    .filter(([name]) =>
      name !== "host" && !STAY_BEHIND.includes(name) && !named.includes(name)
    )
    .sort(([a], [b]) => a < b ? -1 : 1);
  const framed = method === "PUT" || body !== "";
  return [
    `${method} ${originForm(target)} HTTP/1.1`,
    ...[["host", host], ...kept].map(([name, value]) => `${name}: ${value}`),
    ...(framed ? [`Content-Length: ${body.length}`] : []),
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/**
 * As `Deno.serve` understands an absolute form: without a host it is a path,
 * and a fragment, which has no place there, belongs to the host.
 */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const [, authority, path = ""] =
    /^[A-Za-z][\w+.-]*:\/\/([^/?]+)(.*)$/s.exec(target) ?? [];
  if (authority === undefined) return `/${target}`;
  const [fragment = ""] = /#.*/s.exec(authority) ?? [];
  const rest = fragment + (path === "" ? "/" : path);
  return rest.startsWith("/") ? rest : `/${rest}`;
}
