/**
 * Whether a child still does anything: one that is stopped or caught in a loop
 * lives, and lets its clients wait.
 *
 * @module
 */

/** What the types of a browser call a number. */
type Timer = ReturnType<typeof setTimeout>;

/** How a probe asks. */
export interface ProbeOptions {
  /** Between two questions, in milliseconds. */
  readonly everyMs: number;
  /** How long an answer may take, in milliseconds. */
  readonly answerMs: number;
  /** Called when there was none. */
  readonly onSilence: () => void;
}

/** Asks again and again, until it is closed. */
export class Probe {
  readonly #answers: () => Promise<void>;
  readonly #options: ProbeOptions;
  readonly #timer: Timer;
  #limit: Timer | undefined;

  /**
   * Starts to ask.
   *
   * @param answers asks once; settles when the answer is there
   */
  constructor(answers: () => Promise<void>, options: ProbeOptions) {
    this.#answers = answers;
    this.#options = options;
    this.#timer = setInterval(() => this.ask(), options.everyMs);
  }

  /** Asks now, unless a question is open. */
  ask(): void {
    if (this.#limit !== undefined) return;
    const half = this.#options.answerMs / 2;
    // In two steps: where this very process stood still, the answer is there
    // by the second.
    this.#limit = setTimeout(() => {
      this.#limit = setTimeout(this.#options.onSilence, half);
    }, half);
    this.#answers().then(() => {
      clearTimeout(this.#limit);
      this.#limit = undefined;
    });
  }

  /** Asks no more. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#limit);
  }
}
