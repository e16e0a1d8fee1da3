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
import type { RuleManager } from "../netfilter/rule_manager.ts";
import type { Log } from "../observe/log.ts";
import { rulePorts } from "./rule_ports.ts";
import { Restarts } from "./restarts.ts";

/** Between two looks at the rule, in milliseconds. */
const WATCH_MS = 30_000;

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

/** How long a child may take to say that it is well, in milliseconds. */
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

/** The rule as the parent uses it. */
export type RuleKeeper = Pick<
  RuleManager,
  "install" | "block" | "remove" | "repair"
>;

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
  /** How long a child may take to say that it is well, in milliseconds. */
  readonly answerMs?: number;
  /** Called once, when everything is in place. */
  readonly onReady: (addresses: readonly ListenAddress[]) => void;
}

/** Keeps one child and one rule. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #restarts = new Restarts();
  readonly #stopped = Promise.withResolvers<"stop">();
  readonly #forced = Promise.withResolvers<"force">();
  #look = Promise.withResolvers<"look">();
  #stops = 0;

  /**
   * Starts nothing yet.
   *
   * @param parts what it works with
   */
  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** Stops cleanly; called once more, at once. */
  stop(): void {
    if (++this.#stops === 1) this.#stopped.resolve("stop");
    else this.#forced.resolve("force");
  }

  /** Looks at the rule and the child now and puts them right. */
  check(): void {
    this.#look.resolve("look");
  }

  /**
   * Runs until it is stopped.
   *
   * @param config what the child serves with
   * @returns `"stopped"`, or `"gave up"` when the child died too often
   * @throws {Error} when the first child cannot listen or the rule cannot be
   * put in place; the rule is as it was then
   */
  async run(config: ServeConfig): Promise<"stopped" | "gave up"> {
    const { rule, onReady } = this.#parts;
    let live = await this.#start(config);
    if (live === "stop") return "stopped";
    try {
      await rule?.install(rulePorts(live.addresses));
    } catch (error) {
      live.child.kill();
      await live.child.ended;
      throw error;
    }
    onReady(live.addresses);
    for (;;) {
      if (await this.#watch(live) === "stop") {
        await this.#end(live.child);
        return "stopped";
      }
      const next = await this.#revive(config);
      if (next === "stop" || next === "give up") {
        return next === "stop" ? "stopped" : "gave up";
      }
      live = next;
    }
  }

  /** Starts a child and waits until it listens. */
  async #start(config: ServeConfig): Promise<Live | "stop"> {
    const child = this.#parts.spawn(config);
    const wait = timeout(START_MS, "late" as const);
    try {
      const addresses = await Promise.race([
        child.listening,
        this.#stopped.promise,
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

  /** Waits for the end of a child or for a signal, with an eye on the rule. */
  async #watch({ child }: Live): Promise<"died" | "stop"> {
    for (;;) {
      const wait = timeout(WATCH_MS, "look" as const);
      const event = await Promise.race([
        this.#stopped.promise,
        child.ended.then((how) => ({ how })),
        this.#look.promise,
        wait.over,
      ]);
      wait.cancel();
      if (event === "stop") return event;
      if (event !== "look") {
        this.#parts.log.error("the proxy died", {
          pid: child.pid,
          how: event.how,
        });
        return "died";
      }
      this.#look = Promise.withResolvers();
      await this.#repair();
      await this.#probe(child);
    }
  }

  /** Ends a child that lives but does nothing. */
  async #probe(child: Child): Promise<void> {
    const { log, answerMs = ANSWER_MS } = this.#parts;
    const wait = timeout(answerMs, "late" as const);
    const event = await Promise.race([
      child.answers(),
      child.ended,
      this.#stopped.promise,
      wait.over,
    ]);
    wait.cancel();
    if (event !== "late") return;
    log.error("the proxy does not react, ending it", { pid: child.pid });
    child.kill();
  }

  async #repair(): Promise<void> {
    const { rule, log } = this.#parts;
    if (rule === undefined) return;
    await this.#try("look after the rule", async () => {
      const found = await rule.repair();
      if (found === "installed") return;
      log.warn("the rule was put back", {
        was: found === "absent" ? found : found.drift,
      });
    });
  }

  /** Starts children until one listens. */
  async #revive(config: ServeConfig): Promise<Live | "stop" | "give up"> {
    const { rule, onCrash, log } = this.#parts;
    await this.#leave(onCrash);
    for (;;) {
      const next = this.#restarts.died(performance.now());
      if (next === "give up") {
        log.error("the proxy died too often, giving up");
        return next;
      }
      const wait = timeout(next.waitMs, "go on" as const);
      const event = await Promise.race([this.#stopped.promise, wait.over]);
      wait.cancel();
      const live = event === "stop" ? event : await this.#tryStart(config);
      if (live === "stop") {
        await this.#leave(this.#parts.onStop);
        return live;
      }
      if (live === undefined) continue;
      log.info("the proxy listens again", { pid: live.child.pid });
      // Where that fails the rule still points to a closed port, and the next
      // look tries again.
      await this.#try(
        "put the rule in place",
        async () => await rule?.install(rulePorts(live.addresses)),
      );
      return live;
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
  async #end(child: Child): Promise<void> {
    const { rule, onStop, log } = this.#parts;
    log.info("stopping", { rule: rule === undefined ? "none" : onStop });
    await this.#leave(onStop);
    const lingerMs = rule === undefined ? 0 : LINGER_MS;
    child.drain(lingerMs);
    if (
      await this.#orForced(lingerMs + DRAIN_MS, child.ended) !== undefined
    ) {
      log.warn("dropping the requests in flight");
      child.kill();
    }
    await child.ended;
    log.info("stopped");
  }

  /** Leaves the rule as it shall be without a proxy. */
  async #leave(how: Leaving): Promise<void> {
    const { rule } = this.#parts;
    if (rule === undefined) return;
    await this.#try(
      how === "keep" ? "close the rule" : "remove the rule",
      () => how === "keep" ? rule.block() : rule.remove(),
    );
  }

  /** Waits; `undefined` when the awaited came first. */
  async #orForced(
    ms: number,
    awaited: Promise<unknown>,
  ): Promise<"late" | "force" | undefined> {
    const wait = timeout(ms, "late" as const);
    try {
      return await Promise.race([
        awaited.then(() => undefined),
        this.#forced.promise,
        wait.over,
      ]);
    } finally {
      wait.cancel();
    }
  }

  /** The rule may be out of reach for a while; that must not end the parent. */
  async #try(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#parts.log.error(`cannot ${what}`, {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** A child that listens. */
interface Live {
  readonly child: Child;
  readonly addresses: readonly ListenAddress[];
}

function timeout<T>(
  ms: number,
  value: T,
): { readonly over: Promise<T>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(value), ms);
  return { over: promise, cancel: () => clearTimeout(timer) };
}
