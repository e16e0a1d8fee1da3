import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type {
  ListenAddress,
  ServeConfig,
} from "../../lib/config/serve_config.ts";
import {
  DEFAULT_DESTINATION,
  type Desired,
  type RedirectTarget,
} from "../../lib/rule/rule.ts";
import type { Child, Orders } from "../../lib/supervisor/child_process.ts";
import { ConflictError, RuleKeeper } from "../../lib/supervisor/rule_keeper.ts";
import type { ChildState } from "../../lib/supervisor/state.ts";
import {
  Supervisor,
  type SupervisorParts,
} from "../../lib/supervisor/supervisor.ts";
import { StopOrder } from "../../lib/system/stop_order.ts";
import { faster } from "../helpers/faster.ts";
import { CONFIG, logInto, NEVER } from "./config.ts";

const NOTHING = { warnings: [], unreadable: [], removed: [], unguarded: [] };

/** Everything that happened, in order, and levers to make more happen. */
class World {
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
  readonly keeper: RuleKeeper;

  constructor() {
    this.keeper = new RuleKeeper({
      reconcile: async (desired) => {
        this.happens(nameOf(desired));
        if (desired.state === this.hanging) await NEVER;
        if (this.failing.includes(desired.state)) throw new Error("no rule");
        return { ...NOTHING, reached: desired, changed: false, was: [] };
      },
      look: () => Promise.resolve([]),
      route: () => Promise.resolve(undefined),
      conflict: () => Promise.resolve(this.conflict),
    }, logInto(this.lines));
  }

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

  run(parts: Partial<SupervisorParts> = {}) {
    return new Supervisor(CONFIG, {
      spawn: ({ listen }, orders) => {
        const fate = this.fates.shift() ?? "listen";
        const child = new FakeChild(this, fate, listen, orders);
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
    }).run();
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

class FakeChild implements Child {
  readonly pid = 7;
  readonly listening: Promise<readonly ListenAddress[]>;
  readonly ended: Promise<string>;
  readonly told: Orders[] = [];
  state: ChildState = { read: 0, requests: 0, looks: 0 };
  /** Whether it drains when it is told to, and answers. */
  isStubborn = false;
  isStuck = false;
  readonly #world: World;
  readonly #fail: (reason: Error) => void;
  readonly #end: (how: string) => void;

  constructor(
    world: World,
    fate: string,
    listen: readonly ListenAddress[],
    orders: Orders,
  ) {
    this.#world = world;
    this.told.push(orders);
    const listening = Promise.withResolvers<readonly ListenAddress[]>();
    const ended = Promise.withResolvers<string>();
    this.listening = listening.promise;
    this.listening.catch(() => {});
    this.ended = ended.promise;
    this.#fail = listening.reject;
    this.#end = ended.resolve;
    if (fate === "listen") listening.resolve(listen);
    else if (fate === "taken") {
      this.state = { ...this.state, taken: 0 };
      this.die("Cannot listen: another program has it");
    } else if (fate !== "hang") this.die(fate);
  }

  die(how: string): void {
    this.#fail(new Error(how));
    this.#end(how);
  }

  changed() {
    return NEVER;
  }

  tell(orders: Orders): void {
    this.told.push(orders);
    if (!this.isStuck) this.state = { ...this.state, read: this.told.length };
    if (orders.drain === undefined) return;
    this.#world.happens(orders.drain.lingerMs > 0 ? "drain" : "drain at once");
    if (!this.isStubborn) this.#end("exit code 0");
  }

  kill(): void {
    this.#world.happens("kill");
    this.die("signal SIGKILL");
  }
}

Deno.test("Supervisor.run() installs after the child listens; a stop ends the redirect, then the child, then the rest", async () => {
  const world = new World();
  const run = world.run();
  await world.until("ready");
  world.order.give();
  assertEquals(await run, "stopped");
  assertEquals(world.events, [
    ...["spawn", "open 4000", "ready", "draining", "drain", "absent"],
  ]);
});

Deno.test("Supervisor.run() changes nothing on a clean stop when the rule is to be kept", async () => {
  const world = new World();
  const run = world.run({ onStop: "keep" });
  await world.until("ready");
  world.order.give();
  assertEquals(await run, "stopped");
  assertEquals(world.later, ["drain at once"]);
});

Deno.test("Supervisor.run() touches nothing when the first child cannot listen", async () => {
  const world = new World();
  world.fates.push("Cannot listen on 127.0.0.1:4000");
  await assertRejects(() => world.run(), Error, "Cannot listen on 127.0.0.1");
  assertEquals(world.events, ["spawn"]);
});

for (
  const [onStop, ...events] of [["remove", "absent"], ["keep"]] as const
) {
  Deno.test(`Supervisor.run() ends as a stop does when the rule cannot be installed (${onStop})`, async () => {
    const world = new World();
    world.failing = ["open"];
    await assertRejects(() => world.run({ onStop }), Error, "no rule");
    assertEquals(world.events, ["spawn", "open 4000", ...events, "kill"]);
  });

  Deno.test(`a stop before the child listens applies to what stands (${onStop})`, async () => {
    const world = new World();
    world.fates.push("hang");
    const run = world.run({ onStop });
    await world.until("spawn");
    world.order.give();
    assertEquals(await run, "stopped");
    assertEquals(world.events, ["spawn", "kill", ...events]);
  });

  Deno.test(`a stop before anything applies to what stands (${onStop})`, async () => {
    const world = new World();
    world.order.give();
    assertEquals(await world.run({ onStop }), "stopped");
    assertEquals(world.events, events);
  });

  Deno.test(`a stop while the child is dead applies to what stands (${onStop})`, async () => {
    const world = new World();
    world.fates.push("listen", "hang");
    const run = world.run({ onStop });
    await world.until("ready");
    world.children[0]?.die("signal SIGKILL");
    await world.until("spawn", 2);
    world.order.give();
    assertEquals(await run, "stopped");
    assertEquals(world.later, ["spawn", "kill", ...events]);
  });
}

/** What becomes of the rule while the child is dead. */
const CRASHES = {
  keep: ["spawn", "open 4000"],
  remove: ["absent", "spawn", "open 4000"],
} as const;

for (const onCrash of ["keep", "remove"] as const) {
  Deno.test(`Supervisor.run() starts a dead child again, and treats the rule as told (${onCrash})`, async () => {
    const world = new World();
    const run = world.run({ onCrash });
    await world.until("ready");
    world.children[0]?.die("exit code 133");
    await world.until("open 4000", 2);
    assertEquals(world.later, CRASHES[onCrash]);
    world.order.give();
    assertEquals(await run, "stopped");
    assertMatch(
      world.lines.join(""),
      /the proxy died pid=7 how="exit code 133"/,
    );
  });

  Deno.test(`Supervisor.run() gives up after five deaths (${onCrash})`, async () => {
    const world = new World();
    world.fates.push("listen", "a", "b", "c", "d");
    using _hurry = await faster(10);
    const run = world.run({ onCrash });
    await world.until("ready");
    world.children[0]?.die("signal SIGSEGV");
    assertEquals(await run, "gave up");
    const absent = onCrash === "remove" ? ["absent"] : [];
    assertEquals(world.later, [
      ...absent,
      ...["spawn", "spawn", "spawn", "spawn"],
      ...absent,
    ]);
  });
}

Deno.test("Supervisor.run() takes another port where another program has its own, and the rule follows", async () => {
  const world = new World();
  world.fates.push("taken", "taken", "listen", "taken");
  const run = world.run();
  await world.until("open 4002");
  world.children[2]?.die("signal SIGKILL");
  await world.until("open 4001");
  assertEquals(world.keeper.ownPorts, [4001]);
  world.order.give();
  assertEquals(await run, "stopped");
});

Deno.test("Supervisor.run() takes no other port without a rule", async () => {
  const world = new World();
  world.fates.push("taken");
  await assertRejects(
    () => world.run({ rule: undefined }),
    Error,
    "another program has it",
  );
  assertEquals(world.events, ["spawn"]);
});

Deno.test("Supervisor.run() starts nothing where another instance runs", async () => {
  const world = new World();
  world.conflict = { port: 4001, uid: 10_169 };
  using _hurry = await faster(100);
  await assertRejects(() => world.run(), ConflictError, "Another instance");
  assertEquals(world.events, []);
});

Deno.test("Supervisor.run() drains and ends where another instance has taken the rule", async () => {
  const world = new World();
  using _hurry = await faster(100);
  const keeping = world.keeper.run();
  const run = world.run();
  await world.until("ready");
  world.conflict = { port: 4001, uid: 10_169 };
  await assertRejects(() => run, ConflictError, "Another instance");
  assertEquals(world.later, ["drain at once"]);
  world.keeper.close();
  await keeping;
});

Deno.test("a second stop waits for nothing", async () => {
  const world = new World();
  const run = world.run();
  await world.until("ready");
  const [child] = world.children;
  assert(child !== undefined);
  child.isStubborn = true;
  world.order.give();
  await world.until("drain");
  world.order.give();
  assertEquals(await run, "stopped");
  assertEquals(world.later, ["draining", "drain", "kill", "absent"]);
});

for (const hanging of ["open", "draining", "absent"]) {
  Deno.test(`a stop ends in time when the rule hangs (${hanging})`, async () => {
    const world = new World();
    using _hurry = await faster(100);
    world.hanging = hanging;
    const run = world.run();
    await world.until(hanging === "open" ? "open 4000" : "ready");
    world.order.give();
    assertEquals(await run, "rule stands");
    assert(world.events.includes("drain"));
    assertEquals(
      world.lines.filter((it) => it.includes("still stands")).length,
      1,
    );
  });
}

Deno.test("a stop says before the drain that the rule stands, and tries again after it", async () => {
  const world = new World();
  const run = world.run();
  await world.until("ready");
  world.failing = ["draining", "absent"];
  world.order.give();
  assertEquals(await run, "rule stands");
  assertEquals(world.later, [
    ...["draining", "draining", "drain", "absent", "absent"],
  ]);
  const messages = world.lines.filter((it) => !it.includes("cannot"));
  assertMatch(messages.at(-2) ?? "", /error the rule still stands, c2s-imds/);
  assertMatch(messages.at(-1) ?? "", /info stopped\n$/);
});

Deno.test("a stop leaves another instance's rule alone, and is a clean one", async () => {
  const world = new World();
  using _hurry = await faster(100);
  const run = world.run();
  await world.until("ready");
  world.conflict = { port: 4001, uid: 10_169 };
  world.order.give();
  assertEquals(await run, "stopped");
  assertEquals(world.later, ["drain"]);
  assertEquals(world.lines.filter((it) => / error /.test(it)), []);
});

Deno.test("Supervisor.run() ends a child that says nothing any more, but none that makes progress", async () => {
  const world = new World();
  using _hurry = await faster(200);
  const run = world.run();
  await world.until("ready");
  const [child] = world.children;
  assert(child !== undefined);
  child.isStuck = true;
  // It reads no line, but tells of its requests.
  for (let requests = 1; requests < 20; requests++) {
    const told = child.told.length;
    child.state = { ...child.state, requests };
    while (child.told.length === told && world.later.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  assertEquals(world.later, []);
  await world.until("open 4000", 2);
  assertEquals(world.later, ["kill", "spawn", "open 4000"]);
  world.order.give();
  assertEquals(await run, "stopped");
  assertMatch(
    world.lines.join(""),
    /error the proxy does not react, ending it/,
  );
});

Deno.test("Supervisor.configure() tells the child, and the next one", async () => {
  const world = new World();
  const spawned: ServeConfig[] = [];
  const supervisor = new Supervisor(CONFIG, {
    spawn: (config, orders) => {
      spawned.push(config);
      const child = new FakeChild(world, "listen", config.listen, orders);
      world.children.push(child);
      world.happens("spawn");
      return child;
    },
    rule: undefined,
    order: world.order,
    onStop: "remove",
    onCrash: "keep",
    log: logInto(world.lines),
    onReady: () => world.happens("ready"),
  });
  const run = supervisor.run();
  await world.until("ready");
  supervisor.configure({ ...CONFIG, cacheMs: 7 });
  assertEquals(world.children[0]?.told.at(-1)?.config?.cacheMs, 7);
  world.children[0]?.die("signal SIGKILL");
  await world.until("spawn", 2);
  world.order.give();
  assertEquals(await run, "stopped");
  assertEquals(spawned.map(({ cacheMs }) => cacheMs), [0, 7]);
});

Deno.test("Supervisor.run() leaves the rule as on a stop when nobody can be told that it is ready", async () => {
  const world = new World();
  const onReady = () => {
    throw new Error("Cannot write standard output");
  };
  await assertRejects(() => world.run({ onReady }), Error, "Cannot write");
  assertEquals(world.events, ["spawn", "open 4000", "absent", "kill"]);
});
