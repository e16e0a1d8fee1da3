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
import { ConflictError } from "../rule/rule_error.ts";
import { errorLine } from "../cli/message.ts";
import { DRAIN_MS, firstWithin, type StopOrder } from "../system/stop_order.ts";
import { every } from "../system/timers.ts";
import type { Child } from "./child_process.ts";
import type { RuleKeeper } from "./rule_keeper.ts";

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

/**
 * How long each of the two steps that take the rule away may take, in
 * milliseconds; the second one also has what the drain has left.
 */
const LEAVE_MS = 4_000;

/** All of that, in milliseconds: our units give a stop 20 s. */
const STOP_MS = LEAVE_MS + DRAIN_MS + LEAVE_MS;

/** The same where it gives up, and nobody waits for its end. */
const GIVE_UP_MS = 30_000;

/** How long the rule may still take once the stop is forced. */
const FORCED_LEAVE_MS = 1_000;

/** The wait after the first death, in milliseconds; doubled after each. */
const FIRST_WAIT_MS = 100;

/** Deaths further back do not count, in milliseconds. */
const WINDOW_MS = 60_000;

/** So many deaths within the window, and it gives up. */
const MOST_DEATHS = 5;

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
  readonly spawn: (config: ServeConfig) => Child;
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

/** Keeps one child and one rule. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  #config: ServeConfig;
  #child: Child | undefined;
  #deaths: readonly number[] = [];
  #saidItStands = false;

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

  /**
   * Has everything looked at again, as SIGHUP asks for.
   *
   * @param changed the configuration from now on, where that is another one
   */
  reload(changed: ServeConfig | undefined): void {
    if (changed !== undefined) {
      this.#config = changed;
      this.#child?.tell({ config: changed });
    }
    this.#parts.rule?.keeper.check();
  }

  /**
   * Runs until it is stopped.
   *
   * @returns whether it was, and the rule is left as it shall be
   * @throws {ConflictError} when another instance runs; nothing was changed
   * @throws {Error} when the first child cannot listen, which changes nothing,
   * or the rule cannot be put in place, which ends as a stop does
   */
  async run(): Promise<boolean> {
    const { rule, log, order, onCrash } = this.#parts;
    const first = await this.#start();
    if (first === "stop") return await this.#leave();
    if (await this.#place(first) === "stop") return await this.#finish(first);
    let child: Child | "stop" | undefined = first;
    for (;;) {
      if (child !== undefined) {
        const event = await this.#watch(child);
        if (event === "stop") return await this.#finish(child);
        log.error("the proxy died", { pid: child.pid, how: event });
        if (onCrash === "remove") rule?.keeper.keep(ABSENT);
      }
      const waitMs = this.#countDeath();
      if (waitMs === undefined) return await this.#giveUp();
      if (await firstWithin(waitMs, order.given) === "stop") {
        return await this.#leave();
      }
      try {
        child = await this.#start();
        if (child === "stop") return await this.#leave();
        log.info("the proxy listens again", { pid: child.pid });
        rule?.keeper.keep(desiredRule(rule, await child.listening));
      } catch (error) {
        if (error instanceof ConflictError) throw error;
        log.error("the proxy cannot start", { error: errorLine(error) });
        child = undefined;
      }
    }
  }

  /** How long to wait after one more death; `undefined` after too many. */
  #countDeath(): number | undefined {
    const now = performance.now();
    const deaths = this.#deaths.filter((at) => now - at < WINDOW_MS);
    this.#deaths = [...deaths, now];
    return deaths.length + 1 < MOST_DEATHS
      ? FIRST_WAIT_MS * 2 ** deaths.length
      : undefined;
  }

  /** Starts a child and waits until it listens, on another port if need be. */
  async #start(): Promise<Child | "stop"> {
    const { spawn, rule, order } = this.#parts;
    let { listen } = this.#config;
    for (let ports = 1;; ports++) {
      if (order.isGiven) return "stop";
      const config = { ...this.#config, listen };
      const child = spawn(config);
      this.#child = child;
      try {
        const event = await firstWithin<unknown>(
          START_MS,
          child.listening,
          order.given,
        );
        if (event !== "stop" && event !== "late") return child;
        child.kill();
        await child.ended;
        if (event === "stop") return event;
        throw new Error(`The proxy did not listen within ${START_MS / 1000} s`);
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

  /** Puts the rule in place for the first time. */
  async #place(child: Child): Promise<"stop" | undefined> {
    const { rule, order, onReady } = this.#parts;
    try {
      const addresses = await child.listening;
      const event = await Promise.race([
        rule?.keeper.set(desiredRule(rule, addresses)),
        order.given,
      ]);
      if (event !== "stop") onReady(addresses);
      return event ?? undefined;
    } catch (error) {
      if (!(error instanceof ConflictError)) await this.#leave();
      child.kill();
      await child.ended;
      throw error;
    }
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
  async #finish(child: Child): Promise<boolean> {
    const { rule, onStop, log } = this.#parts;
    log.info("stopping", { rule: rule === undefined ? "none" : onStop });
    const end = performance.now() + STOP_MS;
    const removes = rule !== undefined && onStop === "remove";
    if (removes) await this.#leaveRule(DRAINING, LEAVE_MS);
    await this.#drain(child, removes ? LINGER_MS : 0);
    const isLeft = await this.#leave(
      Math.max(LEAVE_MS, end - performance.now()),
    );
    log.info("stopped");
    return isLeft;
  }

  async #drain(child: Child, lingerMs: number): Promise<void> {
    const { order, log } = this.#parts;
    child.tell({ drain: { lingerMs } });
    if (!await order.within(DRAIN_MS, child.ended)) {
      log.warn("dropping the requests in flight");
      child.kill();
    }
    await child.ended;
  }

  async #giveUp(): Promise<false> {
    const { onCrash, log } = this.#parts;
    log.error("the proxy died too often, giving up");
    if (onCrash === "remove") await this.#leaveRule(ABSENT, GIVE_UP_MS);
    return false;
  }

  /** Leaves the rule as a stop does, whatever life has installed it. */
  async #leave(ms = STOP_MS): Promise<boolean> {
    return this.#parts.onStop === "keep" || await this.#leaveRule(ABSENT, ms);
  }

  /** Removes the rule for good, and says whether that came about in time. */
  async #leaveRule(desired: Desired, ms: number): Promise<boolean> {
    const { rule, order, log } = this.#parts;
    if (rule === undefined) return true;
    const left = rule.keeper.leave(desired);
    const isLeft = await order.within(ms, left, FORCED_LEAVE_MS) && await left;
    // As soon as that is known: whoever stops this program may not wait for
    // its end.
    if (!isLeft && !this.#saidItStands) {
      this.#saidItStands = true;
      log.error(
        "the rule still stands, c2s-imds iptables remove takes it away",
      );
    }
    return isLeft;
  }
}

function desiredRule(
  { keeper, open }: SupervisedRule,
  addresses: readonly ListenAddress[],
): Desired {
  keeper.ownPorts = addresses.map(({ port }) => port);
  return open(addresses);
}

const DRAINING: Desired = { state: "draining" };
const ABSENT: Desired = { state: "absent" };
