/**
 * Who and what is let in: a pure decision on the head of a request.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { Fields } from "./headers.ts";
import { isLoopback } from "./peers.ts";

/** The most bytes a request's body may have. */
export const MAX_REQUEST_BODY = 64 * 1024;

/** The methods the metadata service knows, and OPTIONS, which it refuses. */
export const METHODS: readonly string[] = ["GET", "HEAD", "PUT", "OPTIONS"];

/**
 * What a Host may hold. Anything else could shift the target inside the URL
 * that `Deno.serve` builds from it.
 */
const HOST = /^[A-Za-z0-9.:_[\]-]*$/;

/** A request that is not forwarded, and why. */
export interface Refusal {
  /** The status it is answered with. */
  readonly status: number;
  /** One line that says what was wrong. */
  readonly reason: string;
}

/** The refusal of a request that {@linkcode isFromBrowser}. */
export const NO_BROWSERS: Refusal = {
  status: STATUS_CODE.Forbidden,
  reason: "Requests from browsers are refused",
};

/**
 * Whether a request comes from a page in a browser, which can reach loopback
 * addresses, too; no client of the metadata service sends either header.
 *
 * @param headers its headers
 */
export function isFromBrowser(headers: Fields): boolean {
  return headers.get("origin") !== undefined ||
    headers.get("sec-fetch-site") !== undefined;
}

/**
 * Whether a request came over HTTP/2 as every known client of it asks: with an
 * authority and no Host. Without both, `Deno.serve` puts its own name there.
 *
 * @param request the request
 * @param listener where it came in
 */
export function isHttp2(
  { headers, url }: Pick<Request, "headers" | "url">,
  { hostname }: Pick<Deno.NetAddr, "hostname">,
): boolean {
  if (headers.has("host")) return false;
  const isNamed = isLoopback(hostname) || /^(?:0\.0\.0\.0|::)$/.test(hostname);
  const own = isNamed ? "localhost" : hostname;
  const [, host] = /^http:\/\/([^/?#]*?)(?::\d+)?(?:[/?#]|$)/.exec(url) ?? [];
  return host !== own && host !== `[${own}]`;
}

/**
 * Decides whether a request may go up.
 *
 * @param method the request's method
 * @param headers its headers
 * @param allowBrowsers whether it may come from a browser
 * @returns why not; `undefined` when it may
 */
export function refusal(
  method: string,
  headers: Fields,
  allowBrowsers = false,
): Refusal | undefined {
  if (!METHODS.includes(method)) {
    return {
      status: STATUS_CODE.MethodNotAllowed,
      reason: `Method not allowed: expected ${METHODS.join(", ")}`,
    };
  }
  if (!allowBrowsers && isFromBrowser(headers)) return NO_BROWSERS;
  if (!HOST.test(headers.get("host") ?? "")) {
    return {
      status: STATUS_CODE.BadRequest,
      reason: "Bad Host header: expected a name or address, maybe a port",
    };
  }
  return badFraming(method, headers);
}

function badFraming(method: string, headers: Fields): Refusal | undefined {
  const length = headers.get("content-length") ?? "0";
  if (method === "GET" || method === "HEAD") {
    // `Deno.serve` drops such a body and keeps its length: forwarded, the
    // length would swallow the next request on the upstream connection.
    if (
      !/^0+$/.test(length) || headers.get("transfer-encoding") !== undefined
    ) {
      return {
        status: STATUS_CODE.BadRequest,
        reason: `A ${method} request cannot have a body here`,
      };
    }
    return undefined;
  }
  // Two equal lengths come joined; other codings than chunked stay undecoded.
  if (!/^\d+$/.test(length)) {
    return {
      status: STATUS_CODE.BadRequest,
      reason: "Bad Content-Length header: expected one number",
    };
  }
  const coding = headers.get("transfer-encoding") ?? "chunked";
  if (coding.toLowerCase() !== "chunked") {
    return {
      status: STATUS_CODE.BadRequest,
      reason: "Bad Transfer-Encoding header: expected chunked",
    };
  }
  return Number(length) > MAX_REQUEST_BODY ? tooLarge() : undefined;
}

/** The refusal of a body over {@linkcode MAX_REQUEST_BODY}. */
export function tooLarge(): Refusal {
  return {
    status: STATUS_CODE.ContentTooLarge,
    reason:
      `Request body too large: expected at most ${MAX_REQUEST_BODY} bytes`,
  };
}
