/**
 * The order to stop, and the second one that lets nothing wait any longer.
 *
 * @module
 */
import { timeout } from "./timeout.ts";

/** An order that may be given twice. */
export class StopOrder {
  readonly #given = Promise.withResolvers<"stop">();
  readonly #forced = Promise.withResolvers<"force">();
  #times = 0;

  /** Settles when it is given. */
  get given(): Promise<"stop"> {
    return this.#given.promise;
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
   * @param heedsForce whether force ends the waiting
   * @returns whether it came in time and before force
   */
  async inTime(
    ms: number,
    awaited: Promise<unknown> | undefined,
    heedsForce = true,
  ): Promise<boolean> {
    const wait = timeout(ms, "late" as const);
    const events = [Promise.resolve(awaited).then(() => "in"), wait.over];
    if (heedsForce) events.push(this.#forced.promise);
    const event = await Promise.race(events);
    wait.cancel();
    return event === "in";
  }
}
