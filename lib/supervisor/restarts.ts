/**
 * How often a dead child is started again: a pure decision on the times of its
 * deaths.
 *
 * @module
 */

/** The wait after the first death, in milliseconds; doubled after each. */
const FIRST_WAIT_MS = 100;

/** The longest wait, in milliseconds. */
const LONGEST_WAIT_MS = 5_000;

/** Deaths further back do not count, in milliseconds. */
const WINDOW_MS = 60_000;

/** So many deaths within the window, and the parent gives up. */
const MOST_DEATHS = 5;

/** What follows a death: a wait in milliseconds, or the end. */
export type AfterDeath = { readonly waitMs: number } | "give up";

/** Remembers deaths and says what follows each. */
export class Restarts {
  #deaths: number[] = [];

  /**
   * Counts a death.
   *
   * @param now when it died, in milliseconds
   */
  died(now: number): AfterDeath {
    this.#deaths = this.#deaths.filter((at) => now - at < WINDOW_MS);
    this.#deaths.push(now);
    const deaths = this.#deaths.length;
    if (deaths >= MOST_DEATHS) return "give up";
    return {
      waitMs: Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (deaths - 1)),
    };
  }
}
