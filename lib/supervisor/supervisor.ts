/**
 * The parent: keeps root and the rule, and a child that does the proxy's work
 * without either. The rule comes when the child listens and goes when it is to
 * stop; while a child is dead, the guard has clients refused.
 *
 * @module
 */
import type {
  Leaving,
  ListenAddress,
  ServeConfig,
} from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import type { Desired } from "../rule/rule.ts";
import { firstWithin, type StopOrder } from "../system/stop_order.ts";
import { every } from "../system/timers.ts";
import type { Child, Orders } from "./child_process.ts";
import { Restarts } from "./restarts.ts";
import { ConflictError, type RuleKeeper } from "./rule_keeper.ts";
import { toPlain } from "./state.ts";

/** Between two lines to the child, in milliseconds. */
const TELL_MS = 2_000;

/**
 * So many lines without a word of the child, and it hangs. It answers between
 * two requests and tells of its progress, so load makes that tenths of a
 * second; where this very process stood still, no line went down.
 */
const MOST_UNANSWERED = 3;

/** How long a child may take until it listens, in milliseconds. */
const START_MS = 20_000;

/** The most ports that are tried one after the other. */
const MOST_PORTS = 20;

/**
 * Between the end of the redirect and the end of the listener, in milliseconds:
 * a connection that was just redirected still finds somebody, and clients are
 * asked to close the ones they keep.
 */
const LINGER_MS = 250;

/** How long requests in flight may take at the end, in milliseconds. */
const DRAIN_MS = 10_000;

/**
 * How long each of the two steps that take the rule away may take, in
 * milliseconds. With the drain both stay below the 20 s that our units give a
 * stop.
 */
const LEAVE_MS = 4_000;

/** The same where it gives up, and nobody waits for its end. */
const GIVE_UP_MS = 30_000;

/** How long such a step may still take once the stop is forced. */
const FORCED_LEAVE_MS = 1_000;

/** The rule as the supervisor uses it. */
export interface SupervisedRule {
  /** Keeps it. */
  readonly keeper: RuleKeeper;
  /** What shall stand while the proxy listens there. */
  open(addresses: readonly ListenAddress[]): Desired;
  /**
   * Where the proxy listens instead when another program has an address.
   *
   * @throws {ConflictError} when that is another instance
   */
  otherAddress(taken: ListenAddress): Promise<ListenAddress | undefined>;
}

/** What a supervisor works with. */
export interface SupervisorParts {
  /** Starts a child with the configuration. */
  readonly spawn: (config: ServeConfig, orders: Orders) => Child;
  /** The rule, if there is one to keep. */
  readonly rule: SupervisedRule | undefined;
  /** The order to stop. */
  readonly order: StopOrder;
  /** What becomes of the rule on a clean stop. */
  readonly onStop: Leaving;
  /** What becomes of the rule while the child is dead. */
  readonly onCrash: Leaving;
  /** The log. */
  readonly log: Log;
  /** Called once, when everything is in place. */
  readonly onReady: (addresses: readonly ListenAddress[]) => void;
}

/** How a run ended; `"rule stands"` is a stop that could not leave the rule. */
export type RunEnd = "stopped" | "gave up" | "rule stands";

/** A child that listens. */
interface Live {
  readonly child: Child;
  readonly addresses: readonly ListenAddress[];
}

/** Keeps one child and one rule. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #restarts = new Restarts();
  #config: ServeConfig;
  #child: Child | undefined;

  /**
   * Starts nothing yet.
   *
   * @param config what the child serves with
   * @param parts what it works with
   */
  constructor(config: ServeConfig, parts: SupervisorParts) {
    this.#config = config;
    this.#parts = parts;
  }

  /** Serves by another configuration from now on. */
  configure(config: ServeConfig): void {
    this.#config = config;
    this.#child?.tell({ config: toPlain(config) });
  }

  /**
   * Runs until it is stopped.
   *
   * @returns how it ended
   * @throws {ConflictError} when another instance runs; nothing was changed
   * @throws {Error} when the first child cannot listen, which changes nothing,
   * or the rule cannot be put in place, which ends as a stop does
   */
  async run(): Promise<RunEnd> {
    const { rule, log, order, onCrash } = this.#parts;
    if (!order.isGiven) await rule?.keeper.requireOwn();
    const first = await this.#start();
    if (first === "stop") return await this.#leave();
    const ready = await this.#place(first);
    if (ready === "stop") return await this.#finish(first.child);
    let live: Live | undefined = first;
    for (;;) {
      if (live !== undefined) {
        const event = await this.#watch(live.child);
        if (event === "stop") return await this.#finish(live.child);
        log.error("the proxy died", { pid: live.child.pid, how: event });
        if (onCrash === "remove") rule?.keeper.keep(ABSENT);
      }
      const next = this.#restarts.died(performance.now());
      if (next === "give up") return await this.#giveUp();
      if (await firstWithin(next.waitMs, order.given) === "stop") {
        return await this.#leave();
      }
      const event = await this.#startAgain();
      if (event === "stop") return await this.#leave();
      live = event;
    }
  }

  /** Starts a child and waits until it listens, on another port if need be. */
  async #start(): Promise<Live | "stop"> {
    const { spawn, rule, order } = this.#parts;
    let { listen } = this.#config;
    for (let ports = 1;; ports++) {
      if (order.isGiven) return "stop";
      const config = { ...this.#config, listen };
      const child = spawn(config, rule ? { tally: rule.keeper.tally } : {});
      this.#child = child;
      try {
        return await this.#listening(child);
      } catch (error) {
        const place = child.state.taken ?? -1;
        const taken = listen[place];
        if (rule === undefined || taken === undefined || ports === MOST_PORTS) {
          throw error;
        }
        const other = await rule.otherAddress(taken);
        if (other === undefined) throw error;
        listen = listen.with(place, other);
      }
    }
  }

  async #listening(child: Child): Promise<Live | "stop"> {
    const event = await firstWithin<readonly ListenAddress[] | "stop">(
      START_MS,
      child.listening,
      this.#parts.order.given,
    );
    if (typeof event !== "string") return { child, addresses: event };
    child.kill();
    await child.ended;
    if (event === "stop") return "stop";
    throw new Error(`The proxy did not listen within ${START_MS / 1000} s`);
  }

  async #startAgain(): Promise<Live | "stop" | undefined> {
    const { rule, log } = this.#parts;
    try {
      const live = await this.#start();
      if (live === "stop") return live;
      log.info("the proxy listens again", { pid: live.child.pid });
      if (rule) rule.keeper.keep(this.#desired(rule, live));
      return live;
    } catch (error) {
      if (error instanceof ConflictError) throw error;
      log.error("the proxy cannot start", {
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  /** Puts the rule in place for the first time. */
  async #place(live: Live): Promise<"ready" | "stop"> {
    const { rule, order, onReady } = this.#parts;
    try {
      const event = await Promise.race([
        rule?.keeper.set(this.#desired(rule, live)),
        order.given,
      ]);
      if (event === "stop") return event;
      onReady(live.addresses);
      return "ready";
    } catch (error) {
      if (!(error instanceof ConflictError)) await this.#leave();
      live.child.kill();
      await live.child.ended;
      throw error;
    }
  }

  #desired(
    { keeper, open }: SupervisedRule,
    { addresses }: Live,
  ): Desired {
    keeper.ownPorts = addresses.map(({ port }) => port);
    return open(addresses);
  }

  /** Waits for the end of a child, which hangs where it says nothing more. */
  async #watch(child: Child): Promise<string> {
    const { log, rule, order } = this.#parts;
    let said = child.state;
    let unanswered = 0;
    const cancelLines = every(TELL_MS, () => {
      unanswered = child.state === said ? unanswered + 1 : 0;
      said = child.state;
      if (unanswered < MOST_UNANSWERED) {
        child.tell(rule ? { tally: rule.keeper.tally } : {});
      } else {
        log.error("the proxy does not react, ending it", { pid: child.pid });
        child.kill();
      }
    });
    try {
      const lost = rule?.keeper.lost ?? new Promise<never>(() => {});
      const event = await Promise.race([order.given, child.ended, lost]);
      if (typeof event === "string") return event;
      await this.#drain(child, 0);
      throw event;
    } finally {
      cancelLines();
    }
  }

  /** The clean end: first the redirect, then the child, then what is left. */
  async #finish(child: Child): Promise<RunEnd> {
    const { rule, onStop, log } = this.#parts;
    log.info("stopping", { rule: rule === undefined ? "none" : onStop });
    const removes = rule !== undefined && onStop === "remove";
    const isRemoved = !removes || await this.#leaveRule(DRAINING);
    // Before the drain: whoever stops this program may not wait for its end.
    if (!isRemoved) this.#sayItStands();
    await this.#drain(child, removes ? LINGER_MS : 0);
    const end = await this.#leave(isRemoved);
    log.info("stopped");
    return end;
  }

  async #drain(child: Child, lingerMs: number): Promise<void> {
    const { order, log } = this.#parts;
    child.tell({ drain: { lingerMs } });
    if (!await order.within(lingerMs + DRAIN_MS, child.ended)) {
      log.warn("dropping the requests in flight");
      child.kill();
    }
    await child.ended;
  }

  async #giveUp(): Promise<RunEnd> {
    const { rule, onCrash, log } = this.#parts;
    log.error("the proxy died too often, giving up");
    if (rule !== undefined && onCrash === "remove") {
      if (!await this.#leaveRule(ABSENT, GIVE_UP_MS)) this.#sayItStands();
    }
    return "gave up";
  }

  /** Leaves the rule as a stop does, whatever life has installed it. */
  async #leave(isToBeSaid = true): Promise<RunEnd> {
    const { rule, onStop } = this.#parts;
    if (rule === undefined || onStop === "keep") return "stopped";
    if (await this.#leaveRule(ABSENT)) return "stopped";
    if (isToBeSaid) this.#sayItStands();
    return "rule stands";
  }

  /** Removes the rule for good, and says whether that came about in time. */
  async #leaveRule(desired: Desired, ms = LEAVE_MS): Promise<boolean> {
    const { rule, order } = this.#parts;
    const left = rule?.keeper.leave(desired) ?? Promise.resolve(true);
    return await order.within(ms, left, FORCED_LEAVE_MS) && await left;
  }

  #sayItStands(): void {
    this.#parts.log.error(
      "the rule still stands, c2s-imds iptables remove takes it away",
    );
  }
}

const DRAINING: Desired = { state: "draining" };
const ABSENT: Desired = { state: "absent" };
