/**
 * The part of `@std/http/status` that this program uses, over the table that
 * the runtime has for `node:http`.
 *
 * @module
 */
import { STATUS_CODES } from "node:http";

/** Status codes by name. */
export const STATUS_CODE = {
  OK: 200,
  PartialContent: 206,
  NoContent: 204,
  NotModified: 304,
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  RequestTimeout: 408,
  ContentTooLarge: 413,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
  LoopDetected: 508,
} as const;

/** One of the codes above. */
export type StatusCode = typeof STATUS_CODE[keyof typeof STATUS_CODE];

/** Reason phrases by status code. */
export const STATUS_TEXT: Record<StatusCode, string> = Object.fromEntries(
  Object.values(STATUS_CODE).map((code) => [code, STATUS_CODES[code] ?? ""]),
) as Record<StatusCode, string>;
