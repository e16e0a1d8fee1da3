/**
 * What may go wrong with the upstream, in words a client and the log can show.
 *
 * @module
 */

/** What may go wrong with the upstream. */
export type UpstreamFault = "unreachable" | "broken" | "late";

/** The upstream did not answer as it should. */
export class UpstreamError extends Error {
  /** What went wrong. */
  readonly fault: UpstreamFault;

  /**
   * Makes the error.
   *
   * @param fault what went wrong
   * @param message one line that says so
   */
  constructor(fault: UpstreamFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UpstreamError";
    this.fault = fault;
  }
}

/** Codes of errors that come before a connection stands. */
const UNREACHABLE: readonly string[] = [
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EMFILE",
];

/** Says what an error of the connection means. */
export function upstreamError(error: Error): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (UNREACHABLE.includes(code)) {
    return new UpstreamError("unreachable", `cannot be reached: ${code}`, {
      cause: error,
    });
  }
  const detail = code === "" ? error.message : code;
  return new UpstreamError("broken", `broke off: ${detail}`, { cause: error });
}
