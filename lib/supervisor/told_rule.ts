/**
 * How the rule fares, as the parent says: the child may not look at it.
 *
 * @module
 */
import type { RuleTally, RuleView } from "../admin/rule_view.ts";

/**
 * From here on a question counts as unanswered, in milliseconds: what comes
 * later is about a rule of the past.
 */
export const LATE_MS = 2_000;

/** A view of what it is told. */
export class ToldRule implements RuleView {
  /** What the parent said last. */
  tally: RuleTally;
  readonly #ask: () => void;
  readonly #now: () => number;
  #answer: PromiseWithResolvers<string | undefined> | undefined;
  #askedAt = -Infinity;

  /**
   * Knows what has happened so far.
   *
   * @param tally that
   * @param ask asks the parent to look; the parent answers by what is then
   * handed to `tell`
   * @param now the clock, in milliseconds
   */
  constructor(
    tally: RuleTally,
    ask: () => void,
    now: () => number = () => performance.now(),
  ) {
    this.tally = tally;
    this.#ask = ask;
    this.#now = now;
  }

  /** Takes the parent's answer. */
  tell(fault: string | undefined): void {
    this.#answer?.resolve(fault);
    this.#answer = undefined;
  }

  /** Asks the parent, with one question open at a time. */
  fault(): Promise<string | undefined> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers();
      this.#askedAt = this.#now();
      this.#ask();
    } else if (this.#now() - this.#askedAt >= LATE_MS) {
      return Promise.resolve("not known, nobody answers who may look");
    }
    return this.#answer.promise;
  }
}
