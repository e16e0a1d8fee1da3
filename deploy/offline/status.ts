/**
 * The part of `@std/http/status` that this program uses. The runtime has the
 * phrases in `node:http`, but loading that takes 60 ms and 7 MB.
 *
 * @module
 */

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
  TooManyRequests: 429,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
  HTTPVersionNotSupported: 505,
  LoopDetected: 508,
} as const;

/** One of the codes above. */
export type StatusCode = typeof STATUS_CODE[keyof typeof STATUS_CODE];

/** Reason phrases by status code. */
export const STATUS_TEXT: Record<StatusCode, string> = {
  [STATUS_CODE.OK]: "OK",
  [STATUS_CODE.PartialContent]: "Partial Content",
  [STATUS_CODE.NoContent]: "No Content",
  [STATUS_CODE.NotModified]: "Not Modified",
  [STATUS_CODE.BadRequest]: "Bad Request",
  [STATUS_CODE.Unauthorized]: "Unauthorized",
  [STATUS_CODE.Forbidden]: "Forbidden",
  [STATUS_CODE.NotFound]: "Not Found",
  [STATUS_CODE.MethodNotAllowed]: "Method Not Allowed",
  [STATUS_CODE.RequestTimeout]: "Request Timeout",
  [STATUS_CODE.ContentTooLarge]: "Content Too Large",
  [STATUS_CODE.TooManyRequests]: "Too Many Requests",
  [STATUS_CODE.InternalServerError]: "Internal Server Error",
  [STATUS_CODE.BadGateway]: "Bad Gateway",
  [STATUS_CODE.ServiceUnavailable]: "Service Unavailable",
  [STATUS_CODE.GatewayTimeout]: "Gateway Timeout",
  [STATUS_CODE.HTTPVersionNotSupported]: "HTTP Version Not Supported",
  [STATUS_CODE.LoopDetected]: "Loop Detected",
};
