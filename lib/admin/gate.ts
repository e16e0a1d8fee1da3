/**
 * Who and what the administrators' endpoint lets in: a pure decision on the
 * head of a request.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import {
  isFromBrowser,
  NO_BROWSERS,
  type Refusal,
} from "../proxy/admission.ts";
import type { Fields } from "../proxy/headers.ts";

/** The methods of the endpoint. */
export const ADMIN_METHODS: readonly string[] = ["GET", "HEAD"];

/**
 * What it is called by. A name that a page in a browser has, and that leads to
 * loopback, is none of these: browsers say nothing else of such a request.
 */
const HOST = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/**
 * Decides whether a request is answered.
 *
 * @param method the request's method
 * @param headers its headers
 * @returns why not; `undefined` when it is
 */
export function adminRefusal(
  method: string,
  headers: Fields,
): Refusal | undefined {
  if (isFromBrowser(headers)) return NO_BROWSERS;
  const host = headers.get("host");
  if (host !== undefined && !HOST.test(host)) {
    return {
      status: STATUS_CODE.Forbidden,
      reason: "Unknown Host header: expected an IP address or localhost",
    };
  }
  if (ADMIN_METHODS.includes(method)) return undefined;
  return {
    status: STATUS_CODE.MethodNotAllowed,
    reason: `Method not allowed: expected ${ADMIN_METHODS.join(", ")}`,
  };
}
