import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type {
  ListenAddress,
  ServeConfig,
} from "../../lib/config/serve_config.ts";
import { createLog } from "../../lib/system/log.ts";
import {
  RivalError,
  type RuleKeeper,
} from "../../lib/supervisor/rule_keeper.ts";
import {
  type Child,
  Supervisor,
  type SupervisorParts,
} from "../../lib/supervisor/supervisor.ts";

const CONFIG: ServeConfig = {
  listen: [{ hostname: "127.0.0.1", port: 4000 }],
  listenAnywhere: false,
  upstream: { hostname: "127.0.0.1", port: 9 },
  regions: new Map(),
  rewrite: "safe",
  timeoutMs: 1_000,
  cacheMs: 0,
  logLevel: "debug",
  logFormat: "text",
};

const ADDRESSES: readonly ListenAddress[] = CONFIG.listen;

/** Everything that happened, in order, and levers to make more happen. */
class World {
  readonly events: string[] = [];
  readonly log: string[] = [];
  readonly children: FakeChild[] = [];
  /** How the next children fare, in order; listening once it is used up. */
  readonly fates: string[] = [];
  found: Awaited<ReturnType<RuleKeeper["repair"]>> = "installed";
  stranger: Awaited<ReturnType<RuleKeeper["stranger"]>>;
  failing: string | undefined;
  /** Which call of the rule never ends. */
  hanging: string | undefined;
  readonly ready = Promise.withResolvers<void>();

  // What a call changed is nobody's concern here, only that it was made.
  readonly rule = {
    mayStand: false,
    install: async (ports: unknown) => {
      await this.#rule(`install ${JSON.stringify(ports)}`);
      return { removed: [], warnings: [] };
    },
    block: () => this.#rule("block"),
    remove: () => this.#rule("remove"),
    verify: async () => {
      await this.#rule("verify");
      return this.found;
    },
    repair: async () => {
      await this.#rule("repair");
      return this.found;
    },
    stranger: () => Promise.resolve(this.stranger),
  } as unknown as RuleKeeper;

  #rule(event: string): Promise<void> {
    this.events.push(event);
    if (event.startsWith(this.hanging ?? "-")) return new Promise(() => {});
    return event.startsWith(this.failing ?? "-")
      ? Promise.reject(new Error(`no ${event}`))
      : Promise.resolve();
  }

  supervisor(parts: Partial<SupervisorParts> = {}): Supervisor {
    return new Supervisor({
      spawn: () => {
        this.events.push("spawn");
        const child = new FakeChild(this, this.fates.shift() ?? "listen");
        this.children.push(child);
        return child;
      },
      rule: this.rule,
      onStop: "remove",
      onCrash: "keep",
      log: createLog({
        level: "debug",
        format: "text",
        write: (line) => this.log.push(line),
      }),
      onReady: () => {
        this.events.push("ready");
        this.ready.resolve();
      },
      ...parts,
    });
  }

  /** Waits until something has happened so many times. */
  async until(event: string, times = 1): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, 5));
    } while (this.events.filter((it) => it === event).length < times);
  }
}

class FakeChild implements Child {
  readonly pid = 7;
  readonly #world: World;
  readonly #listening = Promise.withResolvers<readonly ListenAddress[]>();
  readonly #ended = Promise.withResolvers<string>();
  readonly listening = this.#listening.promise;
  readonly ended = this.#ended.promise;
  stubborn = false;
  stuck = false;

  constructor(world: World, fate: string) {
    this.#world = world;
    if (fate === "listen") this.#listening.resolve(ADDRESSES);
    else if (fate !== "hang") this.die(fate);
  }

  die(how: string): void {
    this.#listening.reject(new Error(how));
    this.#listening.promise.catch(() => {});
    this.#ended.resolve(how);
  }

  answers(): Promise<void> {
    this.#world.events.push("ask");
    return this.stuck ? new Promise(() => {}) : Promise.resolve();
  }

  drain(lingerMs: number): void {
    this.#world.events.push(lingerMs > 0 ? "drain" : "drain at once");
    if (!this.stubborn) this.#ended.resolve("exit code 0");
  }

  kill(): void {
    this.#world.events.push("kill");
    this.die("signal SIGKILL");
  }
}

const INSTALL = 'install {"ip":4000}';

Deno.test("Supervisor.run() installs after the child listens and removes before it drains", async () => {
  const world = new World();
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events, ["spawn", INSTALL, "ready", "remove", "drain"]);
});

Deno.test("Supervisor.run() closes the rule on a clean stop when it is to be kept", async () => {
  const world = new World();
  const supervisor = world.supervisor({ onStop: "keep" });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events, ["spawn", INSTALL, "ready", "block", "drain"]);
});

Deno.test("Supervisor.run() touches nothing when the first child cannot listen", async () => {
  const world = new World();
  world.fates.push("Cannot listen on 127.0.0.1:4000");
  await assertRejects(
    () => world.supervisor().run(CONFIG),
    Error,
    "Cannot listen on 127.0.0.1:4000",
  );
  assertEquals(world.events, ["spawn"]);
});

Deno.test("Supervisor.run() closes a rule that leads to a stranger when the first child cannot listen", async () => {
  const world = new World();
  world.fates.push("Cannot listen on 127.0.0.1:4000");
  world.stranger = { port: 4000, uid: 1000 };
  await assertRejects(
    () => world.supervisor().run(CONFIG),
    Error,
    "Cannot listen on 127.0.0.1:4000",
  );
  assertEquals(world.events, ["spawn", "block"]);
  assertMatch(world.log.join(""), /is closed now port=4000 uid=1000\n$/);
});

Deno.test("Supervisor.run() ends the child when the rule cannot be installed", async () => {
  const world = new World();
  world.failing = "install";
  await assertRejects(
    () => world.supervisor().run(CONFIG),
    Error,
    "no install",
  );
  assertEquals(world.events, ["spawn", INSTALL, "kill"]);
});

Deno.test("Supervisor.run() touches nothing when it is stopped before the child listens", async () => {
  const world = new World();
  world.fates.push("hang");
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.until("spawn");
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events, ["spawn", "kill"]);
});

Deno.test("Supervisor.run() points the rule to a closed port while the child is dead", async () => {
  const world = new World();
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.children[0]?.die("signal SIGKILL");
  await world.until(INSTALL, 2);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events, [
    "spawn",
    INSTALL,
    "ready",
    "block",
    "spawn",
    INSTALL,
    "remove",
    "drain",
  ]);
});

Deno.test("Supervisor.run() takes the rule away while the child is dead when told so", async () => {
  const world = new World();
  const supervisor = world.supervisor({ onCrash: "remove" });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.children[0]?.die("exit code 133");
  await world.until(INSTALL, 2);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(3, 6), ["remove", "spawn", INSTALL]);
});

Deno.test("Supervisor.run() gives up after five deaths and leaves the rule closed", async () => {
  const world = new World();
  world.fates.push("listen", "a", "b", "c", "d");
  const run = world.supervisor().run(CONFIG);
  await world.ready.promise;
  world.children[0]?.die("signal SIGSEGV");
  assertEquals(await run, "gave up");
  assertEquals(world.events, [
    "spawn",
    INSTALL,
    "ready",
    "block",
    "spawn",
    "spawn",
    "spawn",
    "spawn",
  ]);
  assertEquals(world.log.some((line) => line.includes("giving up")), true);
});

Deno.test("Supervisor.stop() ends the wait for the next child and leaves the rule as asked", async () => {
  const world = new World();
  world.fates.push("listen", "a", "b", "c");
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.children[0]?.die("signal SIGKILL");
  await world.until("spawn", 4);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.at(-1), "remove");
});

Deno.test("Supervisor.stop() forces when it is called twice", async () => {
  const world = new World();
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  const [child] = world.children;
  if (child !== undefined) child.stubborn = true;
  supervisor.stop();
  await world.until("drain");
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(-3), ["remove", "drain", "kill"]);
});

Deno.test("Supervisor.check() puts a changed rule right and logs what it was", async () => {
  const world = new World();
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.check();
  await world.until("repair", 1);
  assertEquals(world.log.filter((line) => line.includes("put back")), []);
  world.found = { drift: "the jump from OUTPUT is missing" };
  supervisor.check();
  await world.until("repair", 2);
  world.found = "absent";
  supervisor.check();
  await world.until("repair", 3);
  supervisor.stop();
  await run;
  assertEquals(
    world.log.filter((line) => line.includes("put back")).map((line) =>
      line.slice(line.indexOf("was="))
    ),
    ['was="the jump from OUTPUT is missing"\n', "was=absent\n"],
  );
});

Deno.test("Supervisor.check() ends a child that does not react", async () => {
  const world = new World();
  const supervisor = world.supervisor({ answerMs: 20 });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.check();
  await world.until("ask");
  const [child] = world.children;
  if (child !== undefined) child.stuck = true;
  supervisor.check();
  await world.until(INSTALL, 2);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(3), [
    ...["repair", "ask"],
    ...["repair", "ask", "kill", "block", "spawn", INSTALL],
    ...["remove", "drain"],
  ]);
});

Deno.test("Supervisor.run() goes on when the rule is out of reach for a while", async () => {
  const world = new World();
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.failing = "repair";
  supervisor.check();
  await world.until("repair");
  world.failing = "block";
  world.children[0]?.die("signal SIGKILL");
  await world.until(INSTALL, 2);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(
    world.log.filter((line) => line.includes("error cannot")).length,
    2,
  );
});

Deno.test("Supervisor.run() keeps a child without a rule", async () => {
  const world = new World();
  const supervisor = world.supervisor({ rule: undefined });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.children[0]?.die("signal SIGKILL");
  await world.until("spawn", 2);
  supervisor.check();
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.includes("remove"), false);
});

Deno.test("Supervisor.run() leaves the rule as on a stop when nobody can be told that it is ready", async () => {
  const world = new World();
  const supervisor = world.supervisor({
    onReady: () => {
      throw new Error("Cannot write standard output");
    },
  });
  await assertRejects(() => supervisor.run(CONFIG), Error, "Cannot write");
  assertEquals(world.events, ["spawn", INSTALL, "remove", "kill"]);
});

/** What is done to the rule at a stop, by which calls fail. */
const FAILING: Readonly<Record<string, readonly string[]>> = {
  remove: ["remove", "remove", "block", "drain"],
  // Both of them, as neither word begins the other.
  "": ["remove", "remove", "block", "drain"],
};

for (const [failing, events] of Object.entries(FAILING)) {
  Deno.test(`Supervisor.run() tries again, closes and tells when the rule fails at a stop ("${failing}")`, async () => {
    const world = new World();
    const supervisor = world.supervisor();
    const run = supervisor.run(CONFIG);
    await world.ready.promise;
    world.failing = failing;
    supervisor.stop();
    assertEquals(await run, "rule stands");
    assertEquals(world.events.slice(3), events);
    assertMatch(
      world.log.at(-2) ?? "",
      /the rule still stands, c2s-imds iptables remove takes it away\n$/,
    );
  });
}

Deno.test("Supervisor.run() takes a second attempt to remove the rule for a clean stop", async () => {
  const world = new World();
  const supervisor = world.supervisor({
    rule: {
      ...world.rule,
      remove: () => {
        world.failing = world.events.includes("remove") ? undefined : "remove";
        return world.rule.remove();
      },
    },
  });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(3), ["remove", "remove", "drain"]);
});

Deno.test("Supervisor.run() leaves a rival's rule alone at a stop, which is a clean one", async () => {
  const world = new World();
  const supervisor = world.supervisor({
    rule: {
      ...world.rule,
      remove: () => Promise.reject(new RivalError("remove", 4001, 10_169)),
    },
  });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(3), ["drain"]);
  assertMatch(
    world.log.join(""),
    /warn the rule is another proxy's.*port=4001/,
  );
  assertEquals(world.log.filter((line) => / error /.test(line)), []);
});

Deno.test("Supervisor.run() says soon after a start that another has taken the rule", async () => {
  const world = new World();
  const supervisor = world.supervisor({
    rivalMs: 1,
    rule: {
      ...world.rule,
      verify: () => {
        world.events.push("verify");
        return Promise.reject(
          new RivalError("look after the rule", 4001, 10_169),
        );
      },
    },
  });
  const run = supervisor.run(CONFIG);
  await world.until("verify");
  supervisor.stop();
  await run;
  assertMatch(
    world.log.join(""),
    /error cannot look after the rule.*port 4001, where another proxy listens/,
  );
});

for (const hanging of ["install", "repair", "remove"]) {
  Deno.test(`Supervisor.stop() ends it in time when "${hanging}" hangs`, async () => {
    const world = new World();
    const supervisor = world.supervisor({ leaveMs: 20 });
    world.hanging = hanging;
    const run = supervisor.run(CONFIG);
    await world.until(INSTALL);
    supervisor.check();
    supervisor.stop();
    assertEquals(await run, "rule stands");
    assertEquals(world.events.at(-1), "drain");
  });
}

Deno.test("Supervisor.stop() called twice does not wait for a rule that hangs", async () => {
  const world = new World();
  const supervisor = world.supervisor({ leaveMs: 600_000 });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.hanging = "remove";
  supervisor.stop();
  await world.until("remove");
  supervisor.stop();
  assertEquals(await run, "rule stands");
  assertEquals(world.events.slice(3), ["remove", "drain", "kill"]);
});

Deno.test("Supervisor.run() starts the next child while the rule hangs, and asks it how it is", async () => {
  const world = new World();
  const supervisor = world.supervisor({ probeMs: 5, leaveMs: 20 });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.hanging = "block";
  world.children[0]?.die("signal SIGKILL");
  await world.until("spawn", 2);
  await world.until("ask", 3);
  supervisor.stop();
  assertEquals(await run, "rule stands");
});

Deno.test("Supervisor.run() closes the rule every second until it is closed", async () => {
  const world = new World();
  world.fates.push("listen", "hang");
  const supervisor = world.supervisor();
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  world.failing = "block";
  world.children[0]?.die("signal SIGKILL");
  await world.until("block", 2);
  world.failing = undefined;
  await world.until("block", 3);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(world.events.slice(3), [
    ...["block", "spawn", "block", "block", "kill", "remove"],
  ]);
});

Deno.test("Supervisor.run() gives up saying so when the rule could not be closed", async () => {
  const world = new World();
  world.fates.push("listen", "a", "b", "c", "d");
  const run = world.supervisor({ leaveMs: 20 }).run(CONFIG);
  await world.ready.promise;
  world.failing = "block";
  world.children[0]?.die("signal SIGSEGV");
  assertEquals(await run, "gave up");
  assertMatch(world.log.at(-1) ?? "", /error the rule still stands/);
});

Deno.test("Supervisor.run() asks the child by itself and ends one that does not react", async () => {
  const world = new World();
  const supervisor = world.supervisor({ probeMs: 5, answerMs: 20 });
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  await world.until("ask", 3);
  assertEquals(world.events.includes("kill"), false);
  const [child] = world.children;
  if (child !== undefined) child.stuck = true;
  await world.until(INSTALL, 2);
  supervisor.stop();
  assertEquals(await run, "stopped");
  assertEquals(
    world.events.filter((event) => event !== "ask").slice(3),
    ["kill", "block", "spawn", INSTALL, "remove", "drain"],
  );
});

Deno.test("Supervisor.rule tells how the rule is, and puts it right where it is not", async () => {
  const world = new World();
  const supervisor = world.supervisor({ rivalMs: 600_000 });
  const { rule } = supervisor;
  assert(rule !== undefined);
  assertEquals(await rule.fault(), "not in place yet");
  const run = supervisor.run(CONFIG);
  await world.ready.promise;
  await wait(LOOK_KEEP_MS);
  assertEquals(await rule.fault(), undefined);
  assertEquals(rule.tally, { repairs: 0, failures: 0 });
  await wait(LOOK_KEEP_MS);
  world.found = "absent";
  const faults = await Promise.all([rule.fault(), rule.fault()]);
  assertEquals(faults, ["absent", "absent"]);
  await world.until("repair");
  assertEquals(rule.tally, { repairs: 1, failures: 0 });
  assertEquals(await rule.fault(), "absent");
  assertEquals(world.events.filter((it) => it === "verify").length, 2);
  await wait(LOOK_KEEP_MS);
  world.failing = "verify";
  assertEquals(await rule.fault(), "cannot be told");
  assertEquals(rule.tally, { repairs: 1, failures: 0 });
  world.failing = "repair";
  supervisor.check();
  await world.until("repair", 2);
  assertEquals(rule.tally, { repairs: 1, failures: 1 });
  supervisor.stop();
  assertEquals(await run, "stopped");
  await wait(LOOK_KEEP_MS);
  assertEquals(await rule.fault(), "about to go");
});

Deno.test("Supervisor.rule is none where none is kept", () => {
  assertEquals(new World().supervisor({ rule: undefined }).rule, undefined);
});

/** Longer than a look holds. */
const LOOK_KEEP_MS = 1_010;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
