/**
 * How long a request up may take, all its steps together, and whether anybody
 * still waits for its answer.
 *
 * @module
 */
import { after } from "../../system/timers.ts";
import { ClientGone, type Failure, UpstreamError } from "./upstream_error.ts";

/**
 * Has a function called once nobody waits for an answer any more, maybe at
 * once; returns what prevents that.
 */
export type Waiting = (onLeave: () => void) => () => void;

/**
 * After so long a client is watched, in milliseconds. Few answers take that
 * long, and to watch one costs as much as a fifth of a request.
 */
const WATCHED_AFTER_MS = 50;

/**
 * Tells when the client of a request leaves.
 *
 * @param request its signal is looked at only where its answer is late
 */
export function clientOf(request: Pick<Request, "signal">): Waiting {
  return (onLeave) => {
    let stop = after(WATCHED_AFTER_MS, () => {
      const { signal } = request;
      signal.addEventListener("abort", onLeave);
      stop = () => signal.removeEventListener("abort", onLeave);
      if (signal.aborted) onLeave();
    });
    return () => stop();
  };
}

/** One limit for finding the service, connecting, asking and reading. */
export class TimeLimit {
  /** Called when the time is over or the client has left, by the step at work. */
  onOver: (reason: Failure) => void = () => {};
  readonly #deadline: number;
  readonly #cancelTimer: () => void;
  readonly #stopWaiting: (() => void) | undefined;
  #reason: Failure | undefined;

  /**
   * Begins now.
   *
   * @param limitMs how long it may take, in milliseconds
   * @param waiting tells when nobody waits for the answer any more
   */
  constructor(limitMs: number, waiting?: Waiting) {
    this.#deadline = performance.now() + limitMs;
    this.#cancelTimer = after(limitMs, () =>
      this.#over(
        new UpstreamError("late", `no answer within ${limitMs / 1000} s`),
      ));
    this.#stopWaiting = waiting?.(() => this.#over(new ClientGone()));
  }

  /** What is left of the time, in milliseconds, at least one. */
  get leftMs(): number {
    return Math.max(1, Math.ceil(this.#deadline - performance.now()));
  }

  /**
   * Goes on only within the limit.
   *
   * @throws {UpstreamError} when the time is over
   * @throws {ClientGone} when the client has left
   */
  throwIfOver(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Ends the limit: the answer is there, or on its way to the client. */
  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#stopWaiting?.();
  }

  #over(reason: Failure): void {
    this.#reason ??= reason;
    this.onOver(this.#reason);
  }
}
