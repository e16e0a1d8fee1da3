/**
 * What may go wrong with the upstream.
 *
 * @module
 */

/** The kinds of failure. */
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
   * @param options what it came of
   */
  constructor(fault: UpstreamFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UpstreamError";
    this.fault = fault;
  }
}

/**
 * Says that no connection stands.
 *
 * @param cause why not
 */
export function unreachable(cause: unknown): UpstreamError {
  return new UpstreamError(
    "unreachable",
    `cannot be reached: ${detailOf(cause)}`,
    { cause },
  );
}

/**
 * Says that a connection ended before its time.
 *
 * @param cause why
 */
export function brokeOff(cause: unknown): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  return new UpstreamError("broken", `broke off: ${detailOf(cause)}`, {
    cause,
  });
}

/**
 * Says that what came is no answer.
 *
 * @param why what was wrong with it
 */
export function badAnswer(why: string): UpstreamError {
  return new UpstreamError("broken", `sent a bad answer: ${why}`);
}

function detailOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
}
