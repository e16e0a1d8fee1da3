/**
 * Why a request up got no answer, or not all of it.
 *
 * @module
 */

/** The kinds of failure; `loop`: each try came back to this proxy itself. */
export type UpstreamFault = "unreachable" | "broken" | "late" | "loop";

/** The service did not answer as it should. */
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
 * The client left, or took no more of its answer. That is no failure of the
 * service, and nothing that an administrator needs to know: any local user can
 * do it.
 */
export class ClientGone extends Error {
  /** What the client did. */
  readonly did: "left" | "stopped reading";

  /**
   * Makes the error.
   *
   * @param did what the client did
   */
  constructor(did: ClientGone["did"] = "left") {
    super(`the client ${did}`);
    this.name = "ClientGone";
    this.did = did;
  }
}

/** Why a request up was given up. */
export type Failure = UpstreamError | ClientGone;

/**
 * Says that no connection could be made.
 *
 * @param cause why not
 */
export function unreachable(cause: unknown): UpstreamError {
  const message = `cannot be reached: ${detailOf(cause)}`;
  return new UpstreamError("unreachable", message, { cause });
}

/**
 * Says that a connection ended too early.
 *
 * @param cause why
 */
export function brokeOff(cause: unknown): Failure {
  if (cause instanceof UpstreamError || cause instanceof ClientGone) {
    return cause;
  }
  const message = `broke off: ${detailOf(cause)}`;
  return new UpstreamError("broken", message, { cause });
}

/**
 * Says that what came is no answer.
 *
 * @param why what was wrong with it
 */
export function badAnswer(why: string): UpstreamError {
  return new UpstreamError("broken", `sent a bad answer: ${why}`);
}

/** What an error says: a code such as ECONNREFUSED says more than a message. */
export function detailOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
}
