/**
 * The rule in the parent's hands: one call at a time, and none that fails or
 * hangs can end the parent or hold up its stop.
 *
 * @module
 */
import type { Leaving } from "../config/serve_config.ts";
import { delay } from "../system/timers.ts";
import type { Ports } from "../rule/rule_manager.ts";
import type { Log } from "../observe/log.ts";
import type { RuleTally, RuleView } from "../observe/rule_view.ts";
import { RivalError, type RuleKeeper } from "./rule_keeper.ts";

/** Between two attempts to close the rule, in milliseconds. */
const RETRY_MS = 1_000;

/** How each way to leave the rule is called. */
const LEAVING: Readonly<Record<Leaving, string>> = {
  keep: "close the rule",
  remove: "remove the rule",
};

/**
 * How long a look holds for those who only ask, in milliseconds: each takes
 * some processes, and the child may ask as often as it likes.
 */
const LOOK_KEEP_MS = 1_000;

/** Keeps the rule. */
export class KeptRule implements RuleView {
  readonly #rule: RuleKeeper;
  readonly #log: Log;
  #turn: Promise<unknown> | undefined;
  #installed = false;
  #leaving = false;
  /** Whether it was left while the proxy is dead. */
  #isAway = false;
  #looksAgain = false;
  /** What could not be put in place yet. */
  #owed: Ports | undefined;
  readonly #warned = new Set<string>();
  #repairs = 0;
  #failures = 0;
  #look: Promise<string | undefined> | undefined;
  #lookedAt = -Infinity;

  /**
   * Does nothing yet.
   *
   * @param rule the rule
   * @param log told of what fails
   */
  constructor(rule: RuleKeeper, log: Log) {
    this.#rule = rule;
    this.#log = log;
  }

  /** Whether it is to be put in place and could not be. */
  get isOwed(): boolean {
    return this.#owed !== undefined;
  }

  /** What has happened to it so far. */
  get tally(): RuleTally {
    return { repairs: this.#repairs, failures: this.#failures };
  }

  /**
   * Looks at it, at most once a second, and puts it right afterwards. Takes as
   * long as that takes, which is bounded by the commands' own limits.
   */
  fault(): Promise<string | undefined> {
    const now = performance.now();
    if (this.#look === undefined || now - this.#lookedAt >= LOOK_KEEP_MS) {
      this.#lookedAt = Infinity;
      this.#look = this.#lookNow();
      this.#look.then(() => this.#lookedAt = now);
    }
    return this.#look;
  }

  async #lookNow(): Promise<string | undefined> {
    if (this.#leaving) return "about to go";
    if (!this.#installed || this.#isAway || this.#owed !== undefined) {
      return "not in place yet";
    }
    try {
      const found = await this.#inTurn(() => this.#rule.verify());
      if (found === "installed") return undefined;
      this.repair();
      // What it is like stands in the log, which not everyone may read.
      return found === "absent" ? found : "not as it should be";
    } catch (error) {
      // The next look of our own logs it: here anyone could fill the log.
      return error instanceof RivalError ? "another's" : "cannot be told";
    }
  }

  /**
   * Puts the rule in place.
   *
   * @param ports where it leads to
   * @throws {Error} when that fails
   */
  install(ports: Ports): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#leaving) return;
      this.#owed = ports;
      const { warnings } = await this.#rule.install(ports);
      this.#warn(warnings);
      this.#owed = undefined;
      this.#isAway = false;
      this.#installed = true;
    });
  }

  /** Puts the rule in place; where that fails, `repair` tries again. */
  async restore(ports: Ports): Promise<void> {
    try {
      await this.install(ports);
    } catch (error) {
      this.#failed("put the rule in place", error);
    }
  }

  /** Says so where it is another's; puts nothing right. */
  async lookForRival(): Promise<void> {
    if (!this.#installed || this.#leaving) return;
    try {
      await this.#inTurn(() => this.#rule.verify());
    } catch (error) {
      this.#failed("look after the rule", error);
    }
  }

  /** Looks after the rule; where a call is under way, once more after it. */
  async repair(): Promise<void> {
    if (this.#turn !== undefined) {
      this.#looksAgain = true;
      return;
    }
    if (this.#owed !== undefined) return await this.restore(this.#owed);
    if (this.#isAway) return;
    try {
      const found = await this.#inTurn(() => this.#rule.repair());
      if (found === "installed") return;
      this.#repairs++;
      this.#log.warn("the rule was put back", {
        was: found === "absent" ? found : found.drift,
      });
    } catch (error) {
      this.#failed("look after the rule", error);
    }
  }

  /**
   * Leaves the rule as it shall be while the proxy is dead, and tries again
   * every second where that fails.
   *
   * @param signal ends the attempts
   * @returns whether it came to that
   */
  async leaveForNow(how: Leaving, signal: AbortSignal): Promise<boolean> {
    this.#owed = undefined;
    this.#isAway = true;
    for (;;) {
      if (await this.#leave(how, () => signal.aborted)) return true;
      await delay(RETRY_MS, signal);
      if (signal.aborted) return false;
    }
  }

  /**
   * Closes a rule that leads requests to a stranger.
   *
   * @param ports where the proxy would listen
   */
  async shutOut(ports: Ports): Promise<void> {
    try {
      const found = await this.#inTurn(() => this.#rule.stranger(ports));
      if (found === undefined || !await this.#leave("keep", () => false)) {
        return;
      }
      this.#log.error("the rule led to a stranger, and is closed now", {
        port: found.port,
        uid: found.uid,
      });
    } catch (error) {
      this.#failed("tell whom the rule leads to", error);
    }
  }

  /**
   * Leaves the rule for good, if it was ever in place, or came in before its
   * installation failed. Where that fails it is tried once more, and a rule
   * that cannot be removed is closed.
   *
   * @param signal ends the attempts
   * @returns whether it is left as asked
   */
  async leave(how: Leaving, signal: AbortSignal): Promise<boolean> {
    this.#leaving = true;
    await this.#turn?.catch(() => {});
    if (!this.#installed && !this.#rule.mayStand) return true;
    const ways: readonly Leaving[] = how === "keep"
      ? ["keep", "keep"]
      : ["remove", "remove", "keep"];
    for (const way of ways) {
      if (signal.aborted) return false;
      if (await this.#leave(way, () => signal.aborted)) return way === how;
    }
    return false;
  }

  async #leave(how: Leaving, isOver: () => boolean): Promise<boolean> {
    try {
      return await this.#inTurn(async () => {
        if (isOver()) return false;
        await (how === "keep" ? this.#rule.block() : this.#rule.remove());
        return true;
      });
    } catch (error) {
      if (error instanceof RivalError) {
        this.#log.warn("the rule is another proxy's, and left to it", {
          port: error.port,
          uid: error.uid,
        });
        return true;
      }
      this.#failed(LEAVING[how], error);
      return false;
    }
  }

  /** Calls at once where no call is under way, else after that one. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn === undefined ? act() : this.#turn.then(act, act);
    this.#turn = mine;
    const done = () => {
      if (this.#turn !== mine) return;
      this.#turn = undefined;
      const looks = this.#looksAgain && !this.#leaving;
      this.#looksAgain = false;
      if (looks) this.repair();
    };
    mine.then(done, done);
    return mine;
  }

  /** Says once what cannot be read beside the rule. */
  #warn(warnings: readonly string[]): void {
    for (const detail of warnings) {
      if (this.#warned.has(detail)) continue;
      this.#warned.add(detail);
      this.#log.warn("the rule may stand in another place, too", { detail });
    }
  }

  #failed(what: string, error: unknown): void {
    this.#failures++;
    this.#log.error(`cannot ${what}`, {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
