/**
 * The rule in the parent's hands: what shall stand, reconciled now and looked
 * after from then on. One call at a time, and none that fails or hangs can end
 * the parent or hold up its stop.
 *
 * @module
 */
import { messageOf } from "../cli/message.ts";
import {
  type Log,
  type LogWrite,
  RATE_LIMIT_MS,
  rateLimitedLog,
} from "../system/log.ts";
import type { RuleTally, RuleView } from "../admin/readiness.ts";
import { isShadowed } from "../rule/diff.ts";
import type { Reconciled } from "../rule/reconcile.ts";
import type { Desired, Family } from "../rule/rule.ts";
import { ConflictError } from "../rule/rule_error.ts";
import { atMostEvery } from "../system/memoize.ts";
import { delay } from "../system/timers.ts";

/**
 * Between two looks at the guard by connections alone, in milliseconds: where
 * somebody flushes both tables, clients see the real region for that long and
 * the time of a repair.
 */
const LOOK_MS = 500;

/**
 * Each so many looks, the first among them, there is one at the redirect, too:
 * that leaves a closed connection each time, and without a redirect clients are
 * refused.
 */
const REDIRECT_LOOK = 3;

/**
 * Between two looks by programs at what redirects, in milliseconds: only those
 * see that somebody else is exempt.
 */
const PROGRAM_LOOK_MS = 5_000;

/** Between two looks at everything, or at the route, in milliseconds. */
const FULL_LOOK_MS = 30_000;

/**
 * How long a look holds for those who only ask, in milliseconds: each takes
 * some processes, and the child may ask as often as it likes.
 */
const ANSWER_KEEP_MS = 1_000;

/**
 * How long the listener of an instance that was just killed may take to go, in
 * milliseconds: only what stays is another instance.
 */
const ORPHAN_MS = 1_500;

/** So many repairs within a minute are a fight. */
const FIGHT = 5;

/** Where rules are looked for: in all backends, or in the one in use alone. */
export type Where = "everywhere" | "in use";

/** The kernel's rules, as the keeper uses them. */
export interface RuleAccess {
  /**
   * Makes what stands what shall stand.
   *
   * @throws {ConflictError} when another instance has the rule
   */
  reconcile(
    desired: Desired,
    ownPorts: readonly number[],
    where: Where,
  ): Promise<Reconciled>;
  /** Which families' rules connections do not show to be in place. */
  doubtful(
    desired: Desired,
    part: "guard" | "all",
  ): Promise<readonly Family[]>;
  /** What differs in the backend in use. */
  look(desired: Desired): Promise<readonly string[]>;
  /** What a client gets in place of the proxy, if it does not get that. */
  route(desired: Desired): Promise<string | undefined>;
}

/**
 * Tries again while there is what an instance that was just killed may leave
 * behind.
 *
 * @throws {ConflictError} for what stays, and so is of another instance
 */
export async function retryOnConflict<T>(act: () => Promise<T>): Promise<T> {
  const end = performance.now() + ORPHAN_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const isOver = performance.now() >= end;
      if (isOver || !(error instanceof ConflictError)) throw error;
    }
    await delay(100);
  }
}

/** Keeps the rule. */
export class RuleKeeper implements RuleView {
  /** The ports that our own proxy has. */
  ownPorts: readonly number[] = [];
  readonly #access: RuleAccess;
  readonly #log: Log;
  readonly #logFailure: LogWrite;
  readonly #logRoute: LogWrite;
  readonly #closed = new AbortController();
  readonly #warned = new Set<string>();
  readonly #conflict = Promise.withResolvers<ConflictError>();
  #turn: Promise<unknown> = Promise.resolve();
  /** What shall stand; nothing of this life's unless set. */
  #desired: Desired | undefined;
  /** What of it stands, as far as is known. */
  #reached: Desired | undefined;
  #isLeaving = false;
  #isOthers = false;
  #looks = 0;
  #programLookAt = 0;
  #fullLookAt = 0;
  #routeAt = 0;
  /** When the rule was put back lately. */
  #repairedAt: readonly number[] = [];
  #saidFight = false;
  #repairs = 0;
  #failures = 0;
  /** Looks at the rule, and at what a client gets, at most once a second. */
  readonly fault: RuleView["fault"] = atMostEvery(
    ANSWER_KEEP_MS,
    () => this.#faultNow(),
  );

  /**
   * Looks after nothing until it is told what shall stand.
   *
   * @param access the kernel's rules
   * @param log told of repairs and failures
   */
  constructor(access: RuleAccess, log: Log) {
    this.#access = access;
    this.#log = log;
    this.#logFailure = rateLimitedLog(log.error);
    this.#logRoute = rateLimitedLog(log.error);
  }

  /** Settles when another instance has taken the rule. */
  get lost(): Promise<ConflictError> {
    return this.#conflict.promise;
  }

  /** What has happened to the rule so far. */
  get tally(): RuleTally {
    return { repairs: this.#repairs, failures: this.#failures };
  }

  /**
   * Makes something stand, and keeps it so; settles early when it is told of
   * something newer before its turn comes.
   *
   * @param desired what shall stand
   * @throws {ConflictError} when another instance has the rule
   * @throws {Error} when it cannot be reached now; the looks try again
   */
  set(desired: Desired): Promise<void> {
    this.#desired = desired;
    this.#reached = undefined;
    return this.#inTurn(async () => {
      // Deaths in a row would else make a stop wait for what is long over.
      if (desired !== this.#desired) return;
      await retryOnConflict(() => this.#reconcile(desired));
      this.#fullLookAt = performance.now() + FULL_LOOK_MS;
      this.#programLookAt = performance.now() + PROGRAM_LOOK_MS;
    });
  }

  /**
   * Makes something stand, and keeps it so; what fails is logged.
   *
   * @returns whether nothing failed
   */
  async keep(desired: Desired): Promise<boolean> {
    try {
      await this.set(desired);
      return true;
    } catch (error) {
      this.#failed(`make the rule ${desired.state}`, error);
      return false;
    }
  }

  /**
   * Makes something stand for good, with a second try, unless it was told so
   * before and nothing is left since. The rule of another instance is left to
   * it, which is no failure.
   *
   * @returns whether it stands
   */
  async leave(desired: Desired): Promise<boolean> {
    const isGone = this.#isLeaving && this.#reached?.state === "absent";
    if (isGone || this.#isOthers) return true;
    this.#isLeaving = true;
    for (let tries = 2; tries > 0; tries--) {
      try {
        await this.set(desired);
        return true;
      } catch (error) {
        if (error instanceof ConflictError) {
          this.#isOthers = true;
          this.#log.warn("the rule is left as it is", {
            reason: error.message,
          });
          return true;
        }
        // Its end stops what is under way.
        if (this.#closed.signal.aborted) return false;
        this.#failures++;
        this.#log.error("cannot remove the rule", { error: messageOf(error) });
      }
    }
    return false;
  }

  /** Looks after the rule until it is closed. */
  async run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await delay(LOOK_MS, signal);
      if (signal.aborted) return;
      const seen = await this.#seen();
      if (await this.#inTurn(() => this.#look(seen))) await this.#askAsClient();
    }
  }

  /** Ends the looks; a call under way goes on. */
  close(): void {
    this.#closed.abort();
  }

  /** Looks at everything at the next look. */
  check(): void {
    this.#fullLookAt = this.#routeAt = 0;
    this.#repairedAt = [];
  }

  async #faultNow(): Promise<string | undefined> {
    const reached = this.#reached;
    if (this.#isLeaving) return "about to go";
    if (reached?.state !== "open") return "not in place yet";
    try {
      const found = await this.#inTurn(() => this.#access.look(reached));
      // What it is like stands in the log, which not everyone may read.
      if (found.length > 0) return "not in place";
      return await this.#access.route(reached);
    } catch {
      // The next look of our own logs it: here anyone could fill the log.
      return "cannot be told";
    }
  }

  /**
   * The part of the rule that a program must look at. No turn waits for it: a
   * connection that nobody answers takes its time, and the rule must follow a
   * new proxy.
   */
  async #seen(): Promise<Desired | undefined> {
    const reached = this.#reached;
    if (this.#isLeaving || reached?.state !== "open") return undefined;
    const now = performance.now();
    const isDue = now >= this.#programLookAt;
    if (isDue) this.#programLookAt = now + PROGRAM_LOOK_MS;
    const part = this.#looks++ % REDIRECT_LOOK === 0 ? "all" : "guard";
    const doubtful = await this.#access.doubtful(reached, part);
    // What held before the proxy moved says nothing of what holds now.
    if (reached !== this.#reached) return undefined;
    const targets = reached.targets.filter(({ family, port }) =>
      doubtful.includes(family) || isDue && port !== undefined
    );
    return targets.length === 0 ? undefined : { ...reached, targets };
  }

  /**
   * Looks at the rule and repairs it.
   *
   * @param seen what to look at, unless it is everything's turn
   * @returns whether it lets clients through, and nothing failed
   */
  async #look(seen: Desired | undefined): Promise<boolean> {
    const desired = this.#desired;
    if (desired === undefined || this.#isLeaving) return false;
    const now = performance.now();
    const reached = this.#reached;
    if (reached !== undefined && desired.state !== "open") return false;
    const isFull = reached === undefined || now >= this.#fullLookAt;
    if (isFull) this.#fullLookAt = now + FULL_LOOK_MS;
    try {
      if (isFull || await this.#hasDrifted(seen)) {
        // What connections miss is put back first: until then clients may see
        // the real service.
        const where = isFull ? "everywhere" : "in use";
        const { was } = await this.#reconcile(desired, where);
        if (was.length > 0 && reached !== undefined) this.#repaired(was);
      }
      return desired.state === "open";
    } catch (error) {
      if (error instanceof ConflictError) this.#conflict.resolve(error);
      else this.#failed("look after the rule", error);
      return false;
    }
  }

  /**
   * Logs where clients do not reach the proxy. No turn waits for it: where
   * nobody answers it takes a second, and the rule must follow a new proxy.
   */
  async #askAsClient(): Promise<void> {
    const desired = this.#desired;
    const now = performance.now();
    if (now < this.#routeAt || desired?.state !== "open") return;
    this.#routeAt = now + FULL_LOOK_MS;
    const fault = await this.#access.route(desired);
    // What held before the proxy moved says nothing of what holds now.
    if (fault === undefined || desired !== this.#desired) return;
    this.#logRoute("clients do not reach the proxy", { instead: fault });
  }

  /** Whether a program finds what is to be repaired. */
  async #hasDrifted(seen: Desired | undefined): Promise<boolean> {
    if (seen === undefined) return false;
    const found = await this.#access.look(seen);
    // Putting ours before those of others again may never end.
    return found.some((it) => !this.#isFight || !isShadowed(it));
  }

  get #isFight(): boolean {
    const since = performance.now() - RATE_LIMIT_MS;
    return this.#repairedAt.filter((at) => at > since).length >= FIGHT;
  }

  async #reconcile(
    desired: Desired,
    where: Where = "everywhere",
  ): Promise<Reconciled> {
    const reconciled = await this.#access.reconcile(
      desired,
      this.ownPorts,
      where,
    );
    this.#warnOnce(
      "the rule may stand in another place, too",
      reconciled.warnings,
    );
    this.#warnOnce("the rule is not whole", reconciled.unguarded);
    if (desired === this.#desired) this.#reached = reconciled.reached;
    return reconciled;
  }

  #warnOnce(what: string, details: readonly string[]): void {
    for (const detail of details) {
      if (this.#warned.has(detail)) continue;
      this.#warned.add(detail);
      this.#log.warn(what, { detail });
    }
  }

  #repaired(was: readonly string[]): void {
    this.#repairs++;
    const fields = { was: was.join("; ") };
    this.#repairedAt = [
      ...this.#repairedAt.slice(1 - FIGHT),
      performance.now(),
    ];
    const isFight = this.#isFight;
    if (!isFight) this.#log.warn("the rule was put back", fields);
    else if (!this.#saidFight) {
      this.#log.error("another program changes the rule all the time", fields);
    }
    this.#saidFight = isFight;
  }

  /** Calls after the calls before it; never two at a time. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #failed(what: string, error: unknown): void {
    if (this.#closed.signal.aborted) return;
    this.#failures++;
    this.#logFailure(`cannot ${what}`, { error: messageOf(error) });
  }
}
