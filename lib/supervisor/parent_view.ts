/**
 * What only the parent can see, as the child knows it: the rule, and where an
 * upstream is that moves. Both answer questions by what the parent says next.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";
import { deadline } from "../system/timers.ts";
import type { RuleTally, RuleView } from "../admin/rule_view.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import type { Owners } from "../system/socket_owners.ts";
import type { DesiredChild } from "./state.ts";

/**
 * From here on a question counts as unanswered, in milliseconds: what comes
 * later is about a rule of the past.
 */
export const LATE_MS = 2_000;

/** The rule, as the parent says. */
export class ParentRule implements RuleView {
  /** What the parent said last. */
  tally: RuleTally;
  /** How many questions there were so far. */
  looks = 0;
  readonly #ask: () => void;
  readonly #now: () => number;
  #answer: PromiseWithResolvers<string | undefined> | undefined;
  #askedAt = -Infinity;

  /**
   * Knows what has happened so far.
   *
   * @param tally that
   * @param ask tells the parent that there is a question
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

  /** Takes what the parent says. */
  tell({ tally, look }: Pick<DesiredChild, "tally" | "look">): void {
    if (tally !== undefined) this.tally = tally;
    if (look?.answers !== this.looks) return;
    this.#answer?.resolve(look.fault);
    this.#answer = undefined;
  }

  /** Asks the parent, with one question open at a time. */
  fault(): Promise<string | undefined> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers();
      this.#askedAt = this.#now();
      this.looks++;
      this.#ask();
    } else if (this.#now() - this.#askedAt >= LATE_MS) {
      return Promise.resolve("not known, the parent does not answer");
    }
    return this.#answer.promise;
  }
}

/** Who asks, as the parent sees it. */
export class ParentOwners {
  /** How many questions there were so far. */
  crowds = 0;
  readonly #ask: () => void;
  #take: ((owners: Owners | undefined) => void) | undefined;

  /**
   * Knows nobody.
   *
   * @param ask tells the parent that there is a question
   */
  constructor(ask: () => void) {
    this.#ask = ask;
  }

  /** Takes what the parent says. */
  tell({ owners }: Pick<DesiredChild, "owners">): void {
    if (owners?.answers !== this.crowds) return;
    this.#take?.(owners.uids && new Map(Object.entries(owners.uids)));
    this.#take = undefined;
  }

  /** Asks the parent; `undefined` where it does not know, or not in time. */
  async find(): Promise<Owners | undefined> {
    let owners: Owners | undefined;
    const answered = Promise.withResolvers<void>();
    this.#take = (found) => {
      owners = found;
      answered.resolve();
    };
    this.crowds++;
    this.#ask();
    await deadline(answered.promise, ANSWER_MS);
    return owners;
  }
}

/**
 * The longest wait for the parent, in milliseconds: its search takes a second
 * where the resolver is slow. What it said last holds then.
 */
const ANSWER_MS = 1_500;

/** An upstream that moves, as the parent says. */
export class ParentUpstream implements UpstreamSource {
  /** It may be elsewhere the next time. */
  readonly moves = true;
  /** The address that could not be reached last, and how often one could not. */
  unreachable: UpstreamAddress & { times: number } | undefined;
  readonly #ask: () => void;
  #told: DesiredChild["upstream"];
  #answer: PromiseWithResolvers<void> | undefined = Promise.withResolvers();

  /**
   * Knows nothing yet.
   *
   * @param ask tells the parent that an address cannot be reached
   */
  constructor(ask: () => void) {
    this.#ask = ask;
  }

  /** Takes what the parent says. */
  tell({ upstream }: Pick<DesiredChild, "upstream">): void {
    if (upstream === undefined) return;
    this.#told = upstream;
    if (upstream.answers < (this.unreachable?.times ?? 0)) return;
    this.#answer?.resolve();
    this.#answer = undefined;
  }

  /**
   * What the parent said last; waits for it while a question is open.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @throws {Error} where no upstream is known; the message is one line
   */
  async current(timeoutMs: number): Promise<UpstreamAddress> {
    if (this.#answer !== undefined) {
      await deadline(this.#answer.promise, Math.min(timeoutMs, ANSWER_MS));
    }
    const told = this.#told ?? { reason: "It has not been found yet" };
    if ("reason" in told) throw new Error(told.reason);
    return told.address;
  }

  /** Asks the parent, with one question open at a time. */
  failed({ hostname, port }: UpstreamAddress): void {
    const told = this.#told;
    const isOld = told === undefined || "reason" in told ||
      told.address.hostname !== hostname;
    if (this.#answer !== undefined || isOld) return;
    this.#answer = Promise.withResolvers();
    const times = (this.unreachable?.times ?? 0) + 1;
    this.unreachable = { hostname, port, times };
    this.#ask();
  }

  /** Ends every wait. */
  close(): void {
    this.#answer?.resolve();
  }
}
