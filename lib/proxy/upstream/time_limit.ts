/**
 * How long a request up may take, all its steps together, and whether anybody
 * still waits for its answer.
 *
 * @module
 */
import { after } from "../../system/timers.ts";
import { ClientGone, type Failure, UpstreamError } from "./upstream_error.ts";

/** One limit for finding the service, connecting, asking and reading. */
export class TimeLimit implements Disposable {
  /** Called when the time is over or the client has left, by the step at work. */
  onOver: (reason: Failure) => void = () => {};
  readonly #deadline: number;
  readonly #client: AbortSignal | undefined;
  readonly #cancelTimer: () => void;
  readonly #leave = () => this.#end(new ClientGone());
  #reason: Failure | undefined;

  /**
   * Begins now.
   *
   * @param limitMs how long it may take, in milliseconds
   * @param client aborted when nobody waits for the answer any more
   */
  constructor(limitMs: number, client?: AbortSignal) {
    this.#deadline = performance.now() + limitMs;
    this.#client = client;
    this.#cancelTimer = after(limitMs, () =>
      this.#end(
        new UpstreamError("late", `no answer within ${limitMs / 1000} s`),
      ));
    if (client?.aborted) this.#leave();
    client?.addEventListener("abort", this.#leave);
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
    this.#client?.removeEventListener("abort", this.#leave);
  }

  #end(reason: Failure): void {
    this.#reason ??= reason;
    this.onOver(this.#reason);
  }
}
