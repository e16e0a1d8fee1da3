/**
 * The parent: keeps root and the rule, and a child that does the proxy's work
 * without either. The rule and the proxy belong together: it comes when the
 * child listens, points to a closed port while the child is dead, and goes
 * before the child does.
 *
 * @module
 */
import type {
  Leaving,
  ListenAddress,
  ServeConfig,
} from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import type { RuleView } from "../admin/rule_view.ts";
import { KeptRule } from "./kept_rule.ts";
import { Probe } from "./probe.ts";
import { Restarts } from "./restarts.ts";
import type { RuleKeeper } from "./rule_keeper.ts";
import { rulePorts } from "./rule_ports.ts";
import { StopOrder } from "./stop_order.ts";
import { timeout } from "./timeout.ts";
import { after, every } from "../system/timers.ts";

/** Between two looks at the rule, in milliseconds. */
const WATCH_MS = 30_000;

/**
 * From a start to a look for another proxy, in milliseconds: one that started
 * at the same moment may have taken the rule since.
 */
const RIVAL_MS = 1_000;

/** Between two questions to the child, in milliseconds. */
const PROBE_MS = 3_000;

/**
 * Between the end of the rule and the end of the listener, in milliseconds: a
 * connection that was just redirected still finds somebody, and clients are
 * asked to close the ones they keep.
 */
const LINGER_MS = 250;

/** How long a child may take until it listens, in milliseconds. */
const START_MS = 20_000;

/** How long requests in flight may take at the end, in milliseconds. */
const DRAIN_MS = 10_000;

/**
 * How long all of the leaving of the rule may take, in milliseconds. With the
 * drain it stays below the 20 s that our units give a stop.
 */
const LEAVE_MS = 8_000;

/** How long it may still take once the stop is forced, in milliseconds. */
const FORCED_LEAVE_MS = 1_000;

/**
 * How long a child may take to say that it is well, in milliseconds: it
 * answers between two requests, so load makes that tenths of a second.
 */
const ANSWER_MS = 5_000;

/** A child that was started. */
export interface Child {
  /** Its process id. */
  readonly pid: number;
  /**
   * Settles once it listens.
   *
   * @throws {Error} when it cannot, or ends before it does
   */
  readonly listening: Promise<readonly ListenAddress[]>;
  /** Settles when it has ended, with how. */
  readonly ended: Promise<string>;
  /** Asks whether it is well; settles when it answers. */
  answers(): Promise<void>;
  /**
   * Asks it to finish the requests in flight and end.
   *
   * @param lingerMs for how long nobody must have asked before it takes no
   * more, in milliseconds
   */
  drain(lingerMs: number): void;
  /** Ends it at once. */
  kill(): void;
}

/** What a supervisor works with. */
export interface SupervisorParts {
  /** Starts a child with the configuration. */
  readonly spawn: (config: ServeConfig) => Child;
  /** The rule, if there is one to keep. */
  readonly rule: RuleKeeper | undefined;
  /** What becomes of the rule on a clean stop. */
  readonly onStop: Leaving;
  /** What becomes of the rule while the child is dead. */
  readonly onCrash: Leaving;
  /** The log. */
  readonly log: Log;
  /** From a start to a look for another proxy, in milliseconds. */
  readonly rivalMs?: number;
  /** Between two questions to the child, in milliseconds. */
  readonly probeMs?: number;
  /** How long a child may take to say that it is well, in milliseconds. */
  readonly answerMs?: number;
  /** How long all of the leaving of the rule may take, in milliseconds. */
  readonly leaveMs?: number;
  /** Called once, when everything is in place. */
  readonly onReady: (addresses: readonly ListenAddress[]) => void;
}

/** How a run ended; `"rule stands"` is a stop that could not leave the rule. */
export type RunEnd = "stopped" | "gave up" | "rule stands";

/** Keeps one child and one rule. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #rule: KeptRule | undefined;
  readonly #restarts = new Restarts();
  readonly #order = new StopOrder();
  #child: Child | undefined;
  #look = () => {};

  /**
   * Starts nothing yet.
   *
   * @param parts what it works with
   */
  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#rule = parts.rule && new KeptRule(parts.rule, parts.log);
  }

  /** How the rule fares, where there is one to keep. */
  get rule(): RuleView | undefined {
    return this.#rule;
  }

  /** Stops cleanly; called once more, at once. */
  stop(): void {
    this.#order.give();
  }

  /** Looks at the rule and the child now and puts them right. */
  check(): void {
    this.#look();
  }

  /**
   * Runs until it is stopped.
   *
   * @param config what the child serves with
   * @returns how it ended
   * @throws {Error} when the first child cannot listen or the rule cannot be
   * put in place; the rule is as it was then, but closed where it leads to a
   * stranger. Whatever else fails, the rule is left as on a stop
   */
  async run(config: ServeConfig): Promise<RunEnd> {
    let live: Live | "stop";
    try {
      live = await this.#start(config);
    } catch (error) {
      const out = this.#rule?.shutOut(rulePorts(config.listen));
      await this.#order.inTime(this.#leaveMs, out);
      throw error;
    }
    if (live === "stop") return "stopped";
    try {
      const installed = this.#rule?.install(rulePorts(live.addresses));
      const event = await Promise.race([installed, this.#order.given]);
      if (event === "stop") return await this.#end(live.child);
      this.#parts.onReady(live.addresses);
      return await this.#keep(live, config);
    } catch (error) {
      if (!await this.#leave(this.#parts.onStop)) this.#sayItStands();
      this.#child?.kill();
      await this.#child?.ended;
      throw error;
    }
  }

  async #keep(first: Live, config: ServeConfig): Promise<RunEnd> {
    let live: Live | RunEnd = first;
    for (;;) {
      if (await this.#watch(live) === "stop") {
        return await this.#end(live.child);
      }
      live = await this.#revive(config);
      if (typeof live === "string") return live;
    }
  }

  /** Starts a child and waits until it listens. */
  async #start(config: ServeConfig): Promise<Live | "stop"> {
    const child = this.#child = this.#parts.spawn(config);
    const wait = timeout(START_MS, "late" as const);
    try {
      const addresses = await Promise.race([
        child.listening,
        this.#order.given,
        wait.over,
      ]);
      if (typeof addresses !== "string") return { child, addresses };
      child.kill();
      await child.ended;
      if (addresses === "stop") return "stop";
      throw new Error(`The proxy did not listen within ${START_MS / 1000} s`);
    } finally {
      wait.cancel();
    }
  }

  /** Waits for the end of a child or for a signal, with an eye on both. */
  async #watch({ child }: Live): Promise<"died" | "stop"> {
    const {
      log,
      rivalMs = RIVAL_MS,
      probeMs = PROBE_MS,
      answerMs = ANSWER_MS,
    } = this.#parts;
    const probe = new Probe(() => child.answers(), {
      everyMs: probeMs,
      answerMs,
      onSilence: () => {
        log.error("the proxy does not react, ending it", { pid: child.pid });
        child.kill();
      },
    });
    const look = () => void this.#rule?.repair();
    const looks = [
      after(rivalMs, () => void this.#rule?.lookForRival()),
      every(WATCH_MS, look),
      every(PROBE_MS, () => this.#rule?.isOwed && look()),
    ];
    this.#look = () => {
      look();
      probe.ask();
    };
    const event = await Promise.race([this.#order.given, child.ended]);
    this.#look = () => {};
    probe.close();
    for (const end of looks) end();
    if (event === "stop") return event;
    log.error("the proxy died", { pid: child.pid, how: event });
    return "died";
  }

  /** Starts children until one listens; meanwhile the rule is closed. */
  async #revive(config: ServeConfig): Promise<Live | RunEnd> {
    const { onCrash, onStop, log } = this.#parts;
    const over = new AbortController();
    const left = this.#rule?.leaveForNow(onCrash, over.signal);
    try {
      for (;;) {
        const next = this.#restarts.died(performance.now());
        if (next === "give up") {
          log.error("the proxy died too often, giving up");
          const isLeft = await this.#order.inTime(this.#leaveMs, left);
          over.abort();
          if (!isLeft && !await this.#leave(onCrash)) this.#sayItStands();
          return "gave up";
        }
        const wait = timeout(next.waitMs, "go on" as const);
        const event = await Promise.race([this.#order.given, wait.over]);
        wait.cancel();
        const live = event === "stop" ? event : await this.#tryStart(config);
        if (live === undefined) continue;
        over.abort();
        if (live === "stop") {
          if (await this.#leave(onStop)) return "stopped";
          this.#sayItStands();
          return "rule stands";
        }
        log.info("the proxy listens again", { pid: live.child.pid });
        this.#rule?.restore(rulePorts(live.addresses));
        return live;
      }
    } finally {
      over.abort();
    }
  }

  async #tryStart(config: ServeConfig): Promise<Live | "stop" | undefined> {
    try {
      return await this.#start(config);
    } catch (error) {
      this.#parts.log.error("the proxy cannot start", {
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  /** The clean end: first the rule, then the listener. */
  async #end(child: Child): Promise<RunEnd> {
    const { rule, onStop, log } = this.#parts;
    log.info("stopping", { rule: rule === undefined ? "none" : onStop });
    const isLeft = await this.#leave(onStop);
    // Before the drain: whoever stops this program may not wait for its end.
    if (!isLeft) this.#sayItStands();
    const lingerMs = rule === undefined ? 0 : LINGER_MS;
    child.drain(lingerMs);
    if (!await this.#order.inTime(lingerMs + DRAIN_MS, child.ended)) {
      log.warn("dropping the requests in flight");
      child.kill();
    }
    await child.ended;
    log.info("stopped");
    return isLeft ? "stopped" : "rule stands";
  }

  get #leaveMs(): number {
    return this.#parts.leaveMs ?? LEAVE_MS;
  }

  /** Leaves the rule for good, and says whether that came about in time. */
  async #leave(how: Leaving): Promise<boolean> {
    const over = new AbortController();
    const left = this.#rule?.leave(how, over.signal) ?? Promise.resolve(true);
    const isInTime = await this.#order.inTime(this.#leaveMs, left) ||
      this.#order.isForced &&
        await this.#order.inTime(FORCED_LEAVE_MS, left, false);
    over.abort();
    return isInTime && await left;
  }

  #sayItStands(): void {
    this.#parts.log.error(
      "the rule still stands, c2s-imds iptables remove takes it away",
    );
  }
}

/** A child that listens. */
interface Live {
  readonly child: Child;
  readonly addresses: readonly ListenAddress[];
}
