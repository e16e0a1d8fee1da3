/**
 * A supervisor's surroundings in memory.
 *
 * @module
 */
import { assert } from "@std/assert";
import type {
  ListenAddress,
  ServeConfig,
} from "../../lib/config/serve_config.ts";
import {
  DEFAULT_DESTINATION,
  type Desired,
  type RedirectTarget,
} from "../../lib/rule/rule.ts";
import type { Child } from "../../lib/supervisor/child_process.ts";
import { ConflictError } from "../../lib/rule/rule_error.ts";
import { RuleKeeper } from "../../lib/supervisor/rule_keeper.ts";
import {
  type ChildState,
  type DesiredChild,
  NEW_CHILD,
} from "../../lib/supervisor/state.ts";
import {
  Supervisor,
  type SupervisorParts,
} from "../../lib/supervisor/supervisor.ts";
import { StopOrder } from "../../lib/system/stop_order.ts";
import { CONFIG, logInto, NEVER } from "./config.ts";

const NOTHING = { warnings: [], unreadable: [], removed: [], unguarded: [] };

/** Everything that happened, in order, and levers to make more happen. */
export class World {
  readonly events: string[] = [];
  readonly lines: string[] = [];
  readonly children: FakeChild[] = [];
  readonly order = new StopOrder();
  /** How the next children fare, in order; they listen once it is used up. */
  readonly fates: string[] = [];
  /** Which states of the rule cannot be reached, or never come to an end. */
  failing: readonly string[] = [];
  hanging = "";
  conflict: RedirectTarget | undefined;
  #news = Promise.withResolvers<void>();
  readonly keeper = new RuleKeeper({
    reconcile: async (desired) => {
      if (this.conflict !== undefined) throw new ConflictError(this.conflict);
      await Promise.resolve();
      this.happens(nameOf(desired));
      if (desired.state === this.hanging) await NEVER;
      if (this.failing.includes(desired.state)) throw new Error("no rule");
      return { ...NOTHING, reached: desired, was: [] };
    },
    doubtful: () => Promise.resolve([]),
    look: () => Promise.resolve([]),
    route: () => Promise.resolve(undefined),
  }, logInto(this.lines));

  happens(event: string): void {
    this.events.push(event);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Waits until something has happened so many times. */
  async until(event: string, times = 1): Promise<void> {
    while (this.events.filter((it) => it === event).length < times) {
      await this.#news.promise;
    }
  }

  supervisor(parts: Partial<SupervisorParts> = {}): Supervisor {
    return new Supervisor(CONFIG, {
      spawn: (config) => {
        const child = new FakeChild(this, this.fates.shift(), config);
        this.children.push(child);
        this.happens("spawn");
        return child;
      },
      rule: {
        keeper: this.keeper,
        open: ([address]) => ({
          state: "open",
          uid: 10_169,
          targets: [{ ...DEFAULT_DESTINATION, port: address?.port }],
        }),
        otherAddress: (taken) =>
          Promise.resolve({ ...taken, port: taken.port + 1 }),
      },
      order: this.order,
      onStop: "remove",
      onCrash: "keep",
      log: logInto(this.lines),
      onReady: () => this.happens("ready"),
      ...parts,
    });
  }

  run(parts: Partial<SupervisorParts> = {}): Promise<boolean> {
    return this.supervisor(parts).run();
  }

  get first(): FakeChild {
    const [child] = this.children;
    assert(child !== undefined);
    return child;
  }

  /** What happened after it was ready. */
  get later(): readonly string[] {
    return this.events.slice(this.events.indexOf("ready") + 1);
  }
}

function nameOf(desired: Desired): string {
  return desired.state === "open"
    ? `open ${desired.targets[0]?.port}`
    : desired.state;
}

/** A child that does as its fate says. */
class FakeChild implements Child {
  readonly pid = 7;
  readonly config: ServeConfig;
  readonly listening: Promise<readonly ListenAddress[]>;
  readonly ended: Promise<string>;
  readonly told: Partial<DesiredChild>[] = [];
  state: ChildState = NEW_CHILD;
  /** Whether it drains when it is told to, and answers. */
  isStubborn = false;
  isStuck = false;
  readonly #world: World;
  readonly #fail: (reason: Error) => void;
  readonly #end: (how: string) => void;

  constructor(world: World, fate = "listen", config: ServeConfig) {
    this.#world = world;
    this.config = config;
    const listening = Promise.withResolvers<readonly ListenAddress[]>();
    const ended = Promise.withResolvers<string>();
    this.listening = listening.promise;
    this.listening.catch(() => {});
    this.ended = ended.promise;
    this.#fail = listening.reject;
    this.#end = ended.resolve;
    if (fate === "taken") this.state = { ...this.state, taken: 0 };
    if (fate === "listen") listening.resolve(config.listen);
    else if (fate !== "hang") this.die(fate);
  }

  die(how: string): void {
    this.#fail(new Error(how));
    this.#end(how);
  }

  changed() {
    return NEVER;
  }

  tell(orders: Partial<DesiredChild>): void {
    this.told.push(orders);
    if (!this.isStuck) this.state = { ...this.state };
    if (orders.drain === undefined) return;
    this.#world.happens(orders.drain.lingerMs > 0 ? "drain" : "drain at once");
    if (!this.isStubborn) this.#end("exit code 0");
  }

  kill(): void {
    this.#world.happens("kill");
    this.die("signal SIGKILL");
  }
}
