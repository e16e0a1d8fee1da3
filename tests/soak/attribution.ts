/**
 * Which injected fault a failure of a client comes from: a pure decision on
 * times. What no fault explains is the program's own.
 *
 * @module
 */

/** A span of time, in milliseconds since 1970. */
export interface Span {
  /** Its begin. */
  readonly from: number;
  /** Its end. */
  readonly to: number;
}

/**
 * What can happen to a client:
 * - `real`: an answer with the real region;
 * - `refused`: no connection;
 * - `lost`: a connection that broke with a request on it;
 * - `late`: no answer in time;
 * - `status N`: an answer with another status than the service's;
 * - `wrong`: an answer with another body;
 * - `failed`: a whole run of a program with some requests.
 */
export type What =
  | "real"
  | "refused"
  | "lost"
  | "late"
  | `status ${number}`
  | "wrong"
  | "failed";

/** What a client met; the cause lies within its span. */
export interface Failure extends Span {
  /** Which client. */
  readonly client: string;
  /** What happened. */
  readonly what: What;
  /** When the client met it, in milliseconds since 1970. */
  readonly at: number;
  /** What it asked for, or what it said. */
  readonly path: string;
}

/** A fault that was injected, from the first step to the last repair. */
export interface Injected extends Span {
  /** What it is called. */
  readonly name: string;
  /** What it may do to clients. */
  readonly allowed: readonly What[];
}

/** A fault, and what it did. */
export interface Explained {
  /** The fault. */
  readonly fault: Injected;
  /** What came from it. */
  readonly failures: readonly Failure[];
}

/** Every failure by its cause. */
export interface Attribution {
  /** Every fault, with what it did. */
  readonly explained: readonly Explained[];
  /** What no fault allows. */
  readonly unexplained: readonly Failure[];
}

/**
 * Finds the cause of every failure.
 *
 * @param faults what was injected
 * @param failures what clients met
 */
export function attribute(
  faults: readonly Injected[],
  failures: readonly Failure[],
): Attribution {
  const explained = faults.map((fault) => ({
    fault,
    failures: [] as Failure[],
  }));
  const unexplained: Failure[] = [];
  for (const failure of failures) {
    const cause = explained.find(({ fault }) =>
      fault.allowed.includes(failure.what) && overlap(fault, failure)
    );
    (cause?.failures ?? unexplained).push(failure);
  }
  return { explained, unexplained };
}

function overlap(one: Span, other: Span): boolean {
  return one.from <= other.to && other.from <= one.to;
}
