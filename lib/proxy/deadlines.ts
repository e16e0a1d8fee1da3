/**
 * Time limits of many waits under one timer: almost every wait ends well, and
 * a timer for each would cost more than what it guards.
 *
 * @module
 */

/** A time limit that is still to come. */
interface Deadline {
  readonly at: number;
  readonly act: () => void;
}

/** Time limits. */
export class Deadlines {
  readonly #pending = new Set<Deadline>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = Infinity;

  /**
   * Sets a limit.
   *
   * @param ms how far off, in milliseconds
   * @param act called when it is reached
   * @returns takes the limit away
   */
  set(ms: number, act: () => void): () => void {
    const deadline = { at: performance.now() + ms, act };
    this.#pending.add(deadline);
    if (deadline.at < this.#next) this.#arm(deadline.at);
    return () => this.#pending.delete(deadline);
  }

  /** Takes every limit away. */
  clear(): void {
    this.#pending.clear();
    clearTimeout(this.#timer);
    this.#next = Infinity;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#next = at;
    this.#timer = setTimeout(() => this.#fire(), at - performance.now());
  }

  #fire(): void {
    const now = performance.now();
    this.#next = Infinity;
    for (const deadline of this.#pending) {
      if (deadline.at > now) continue;
      this.#pending.delete(deadline);
      deadline.act();
    }
    let next = Infinity;
    for (const { at } of this.#pending) next = Math.min(next, at);
    if (next < this.#next) this.#arm(next);
  }
}
