/**
 * Who and what is let in, and what of a request goes up: its target, byte for
 * byte, and its body, bounded in size and time.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { Gathered } from "../system/bytes.ts";
import { after } from "../system/timers.ts";
import { type Header, valueOf } from "./headers.ts";

/** The most bytes a request's body may have. */
export const MAX_REQUEST_BODY = 64 * 1024;

/** The methods the metadata service knows, and OPTIONS, which it refuses. */
const METHODS: readonly string[] = ["GET", "HEAD", "PUT", "OPTIONS"];

/**
 * What a Host may hold. Anything else could shift the target inside the URL
 * that `Deno.serve` builds from it.
 */
const HOST = /^[A-Za-z0-9.:_[\]-]*$/;

/** Everything `http://HOST` may be followed by. */
const TARGET_START = /[/?#]/;

const encoder = new TextEncoder();

/** How long a list of addresses is trusted when a peer is not in it. */
const REFRESH_MS = 100;

/** A request that is not forwarded, and why. */
export interface Refusal {
  /** The status it is answered with. */
  readonly status: number;
  /** One line that says what was wrong. */
  readonly reason: string;
}

/** The refusal of a peer that is not this node. */
export const NO_STRANGERS: Refusal = {
  status: STATUS_CODE.Forbidden,
  reason: "Only this node itself may ask",
};

/** The refusal of a request that {@linkcode isFromBrowser}. */
export const NO_BROWSERS: Refusal = {
  status: STATUS_CODE.Forbidden,
  reason: "Requests from browsers are refused",
};

/** The refusal of what only HTTP/2 can send. */
export const NO_HTTP2: Refusal = {
  status: STATUS_CODE.HTTPVersionNotSupported,
  reason: "HTTP/2 is not supported: expected HTTP/1.1",
};

/** The refusal of a body over {@linkcode MAX_REQUEST_BODY}. */
const TOO_LARGE: Refusal = {
  status: STATUS_CODE.ContentTooLarge,
  reason: `Request body too large: expected at most ${MAX_REQUEST_BODY} bytes`,
};

/**
 * Whether a request comes from a page in a browser, which can reach loopback
 * addresses, too; no client of the metadata service sends either header.
 *
 * @param headers its headers
 */
export function isFromBrowser(headers: readonly Header[]): boolean {
  return valueOf(headers, "origin") !== undefined ||
    valueOf(headers, "sec-fetch-site") !== undefined;
}

/**
 * Whether a request came over HTTP/2 as every known client of it asks: with an
 * authority and no Host. Without both, `Deno.serve` puts its own name there.
 *
 * @param headers its headers
 * @param url its URL
 * @param listener where it came in
 */
export function isHttp2(
  headers: readonly Header[],
  url: string,
  { hostname }: Pick<Deno.NetAddr, "hostname">,
): boolean {
  if (valueOf(headers, "host") !== undefined) return false;
  const isNamed = isLoopback(hostname) || /^(?:0\.0\.0\.0|::)$/.test(hostname);
  const own = isNamed ? "localhost" : hostname;
  const [, host] = /^http:\/\/([^/?#]*?)(?::\d+)?(?:[/?#]|$)/.exec(url) ?? [];
  return host !== own && host !== `[${own}]`;
}

/**
 * Decides whether a request may go up.
 *
 * @param method its method
 * @param headers its headers
 * @param allowBrowsers whether it may come from a browser
 * @returns why not; `undefined` when it may
 */
export function refusal(
  method: string,
  headers: readonly Header[],
  allowBrowsers = false,
): Refusal | undefined {
  const bad = (reason: string) => ({ status: STATUS_CODE.BadRequest, reason });
  if (!METHODS.includes(method)) {
    const reason = `Method not allowed: expected ${METHODS.join(", ")}`;
    return { status: STATUS_CODE.MethodNotAllowed, reason };
  }
  if (!allowBrowsers && isFromBrowser(headers)) return NO_BROWSERS;
  if (!HOST.test(valueOf(headers, "host") ?? "")) {
    return bad("Bad Host header: expected a name or address, maybe a port");
  }
  const length = valueOf(headers, "content-length") ?? "0";
  const coding = valueOf(headers, "transfer-encoding");
  if (method === "GET" || method === "HEAD") {
    // `Deno.serve` drops such a body and keeps its length: forwarded, the
    // length would swallow the next request on the upstream connection.
    return /^0+$/.test(length) && coding === undefined
      ? undefined
      : bad(`A ${method} request cannot have a body here`);
  }
  // Two equal lengths come joined; other codings than chunked stay undecoded.
  if (!/^\d+$/.test(length)) {
    return bad("Bad Content-Length header: expected one number");
  }
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return bad("Bad Transfer-Encoding header: expected chunked");
  }
  return Number(length) > MAX_REQUEST_BODY ? TOO_LARGE : undefined;
}

/** An address without the forms that only its socket gives it. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "").replace(/%.*$/, "");
}

/** Whether an address never leaves the node. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain.startsWith("127.") || plain === "::1";
}

/**
 * Tells the node's own addresses from others'. A redirected connection comes
 * from one of these, not from loopback, so loopback alone would be too narrow.
 *
 * @param read lists the addresses of this node's interfaces
 * @param now the clock, in milliseconds
 * @returns whether an address is this node's; the list is read anew on a miss
 */
export function ownAddresses(
  read: () => readonly string[] = () =>
    Deno.networkInterfaces().map((it) => it.address),
  now: () => number = () => performance.now(),
): (address: string) => boolean {
  let known: ReadonlySet<string> = new Set();
  let readAt = -Infinity;
  return (address) => {
    const plain = plainAddress(address);
    if (isLoopback(plain) || known.has(plain)) return true;
    if (now() - readAt < REFRESH_MS) return false;
    readAt = now();
    known = new Set(read());
    return known.has(plain);
  };
}

/**
 * The request target as the client sent it, one character a byte, taken out of
 * the URL that `Deno.serve` hands over: `new URL()` would normalise it, and the
 * service answers `/latest//` and `/latest/` differently.
 *
 * @param url the request's URL: `http://`, the client's Host, its target
 */
export function originTarget(url: string): string {
  const authority = url.indexOf("//") + 2;
  const start = url.slice(authority).search(TARGET_START);
  if (start < 0) return "/";
  const target = url.slice(authority + start);
  return binary(target.startsWith("/") ? target : `/${target}`);
}

/**
 * A target without its query, as logs have it.
 *
 * @param target an origin-form target
 */
export function pathOf(target: string): string {
  return target.replace(/\?.*$/s, "");
}

/** `Deno.serve` decodes UTF-8 in targets; this undoes it. */
function binary(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is the point
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte))
    .join("");
}

/**
 * The most bodies that are read at one time: those that do not come must leave
 * places for requests without one, and each costs 190 KiB in `Deno.serve`.
 */
export const MAX_BODIES = 256;

/**
 * Reads bodies.
 *
 * @returns what reads the whole body of a request within a time in
 * milliseconds: its bytes, none where the method has no body at all, or why it
 * is refused
 */
export function requestBodies(): (
  request: Request,
  timeoutMs: number,
) => Promise<Uint8Array | undefined | Refusal> {
  let reading = 0;
  return async (request, timeoutMs) => {
    const { headers, method } = request;
    const nothing = method === "PUT" ? new Uint8Array(0) : undefined;
    // Requests for tokens have none: over HTTP/1.1 it would be announced.
    const isAnnounced = headers.has("transfer-encoding") ||
      (headers.get("content-length") ?? "0") !== "0";
    const body = isAnnounced ? request.body : null;
    if (body === null) return nothing;
    if (reading >= MAX_BODIES) {
      return {
        status: STATUS_CODE.ServiceUnavailable,
        reason: `Too many request bodies at one time: limit ${MAX_BODIES}`,
      };
    }
    reading++;
    try {
      const read = await readAll(body, timeoutMs);
      return read instanceof Uint8Array && read.length === 0 ? nothing : read;
    } finally {
      reading--;
    }
  };
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
): Promise<Uint8Array | Refusal> {
  const reader = body.getReader();
  let late: Refusal | undefined;
  const cancelTimer = after(timeoutMs, () => {
    late = {
      status: STATUS_CODE.RequestTimeout,
      reason: `Request body did not come within ${timeoutMs / 1000} s`,
    };
    reader.cancel().catch(() => {});
  });
  // What was only promised must cost nothing.
  const gathered = new Gathered();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late !== undefined) return late;
      if (done) return gathered.bytes;
      if (gathered.size + value.length > MAX_REQUEST_BODY) {
        await reader.cancel();
        return TOO_LARGE;
      }
      gathered.add(value);
    }
  } catch {
    return late ?? {
      status: STATUS_CODE.BadRequest,
      reason: "Incomplete request body",
    };
  } finally {
    cancelTimer();
  }
}
