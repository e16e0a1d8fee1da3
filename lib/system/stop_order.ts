/**
 * The order to stop, and the second one that lets nothing wait any longer.
 *
 * @module
 */
import { deadline } from "./timers.ts";

/**
 * How long a stop waits for requests in flight, the linger of their listener
 * included, in milliseconds.
 */
export const DRAIN_MS = 10_000;

/** An order that may be given twice. */
export class StopOrder {
  readonly #given = Promise.withResolvers<"stop">();
  readonly #forced = Promise.withResolvers<"force">();
  #times = 0;

  /** Settles when it is given. */
  get given(): Promise<"stop"> {
    return this.#given.promise;
  }

  /** Whether it was given. */
  get isGiven(): boolean {
    return this.#times > 0;
  }

  /** Whether it was given more than once. */
  get isForced(): boolean {
    return this.#times > 1;
  }

  /** Gives it; once more, with force. */
  give(): void {
    if (++this.#times === 1) this.#given.resolve("stop");
    else this.#forced.resolve("force");
  }

  /**
   * Waits for something that must not hold up a stop.
   *
   * @param ms how long it may take, in milliseconds
   * @param awaited what is waited for
   * @param forcedMs how long it may still take once the order is forced
   * @returns whether it came in time
   */
  async within(
    ms: number,
    awaited: Promise<unknown>,
    forcedMs = 0,
  ): Promise<boolean> {
    const done = awaited.then(() => "done" as const);
    const event = await firstWithin(ms, done, this.#forced.promise);
    if (event !== "force") return event === "done";
    return await firstWithin(Math.min(ms, forcedMs), done) === "done";
  }
}

/**
 * Waits for the first of some promises, but not for ever.
 *
 * @param ms how long, in milliseconds
 * @param promises what is waited for
 * @returns what the first one came to, or `"late"`
 */
export async function firstWithin<T>(
  ms: number,
  ...promises: readonly Promise<T>[]
): Promise<T | "late"> {
  const first = Promise.race(promises).then((value) => ({ value }));
  const settled = await deadline(first, ms);
  return settled === undefined ? "late" : settled.value;
}
