/**
 * Whether a child still does anything: one that is stopped or caught in a loop
 * lives, and lets its clients wait.
 *
 * @module
 */
import { after, every } from "../system/timers.ts";

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
  readonly #end: () => void;
  /** Takes back what happens when the open question stays unanswered. */
  #answered: (() => void) | undefined;

  /**
   * Starts to ask.
   *
   * @param answers asks once; settles when the answer is there
   */
  constructor(answers: () => Promise<void>, options: ProbeOptions) {
    this.#answers = answers;
    this.#options = options;
    this.#end = every(options.everyMs, () => this.ask());
  }

  /** Asks now, unless a question is open. */
  ask(): void {
    if (this.#answered !== undefined) return;
    const half = this.#options.answerMs / 2;
    // In two steps: where this very process stood still, the answer is there
    // by the second.
    this.#answered = after(half, () => {
      this.#answered = after(half, this.#options.onSilence);
    });
    this.#answers().then(() => {
      this.#answered?.();
      this.#answered = undefined;
    });
  }

  /** Asks no more. */
  close(): void {
    this.#end();
    this.#answered?.();
  }
}
