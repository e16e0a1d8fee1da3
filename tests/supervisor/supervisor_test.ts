import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ConflictError } from "../../lib/rule/rule_error.ts";
import { delay } from "../../lib/system/timers.ts";
import { skipWaits } from "../helpers/clock.ts";
import { CONFIG } from "./config.ts";
import { World } from "./world.ts";

Deno.test("Supervisor.run() installs after the child listens; a stop ends the redirect, then the child, then the rest", async () => {
  const world = new World();
  const run = world.run();
  await world.until("ready");
  world.order.give();
  assertEquals(await run, true);
  assertEquals(world.events, [
    ...["spawn", "open 4000", "ready", "draining", "drain", "absent"],
  ]);
});

Deno.test("Supervisor.run() changes nothing on a clean stop when the rule is to be kept", async () => {
  const world = new World();
  const run = world.run({ onStop: "keep" });
  await world.until("ready");
  world.order.give();
  assertEquals(await run, true);
  assertEquals(world.later, ["drain at once"]);
});

Deno.test("Supervisor.run() touches nothing when the first child cannot listen", async () => {
  const world = new World();
  world.fates.push("no such address", "taken");
  await assertRejects(() => world.run(), Error, "no such address");
  // Without a rule, clients would not find another port.
  await assertRejects(() => world.run({ rule: undefined }), Error, "taken");
  assertEquals(world.events, ["spawn", "spawn"]);
});

for (const [onStop, ...left] of [["remove", "absent"], ["keep"]] as const) {
  Deno.test(`Supervisor.run() ends as a stop does when the rule cannot be installed, or nobody told of it (${onStop})`, async () => {
    const world = new World();
    world.failing = ["open"];
    await assertRejects(() => world.run({ onStop }), Error, "no rule");
    assertEquals(world.events, ["spawn", "open 4000", ...left, "kill"]);
    world.failing = [];
    const onReady = () => {
      throw new Error("Cannot write");
    };
    const run = world.run({ onStop, onReady });
    await assertRejects(() => run, Error, "Cannot write");
    assertEquals(world.events.slice(-3 - left.length), [
      ...["spawn", "open 4000", ...left, "kill"],
    ]);
  });

  /** Stops at some moment, by the fates of children until then. */
  const moments = {
    "before anything": { fates: [], events: [] },
    "before the child listens": {
      fates: ["hang"],
      events: ["spawn", "kill"],
    },
    "while the child is dead": {
      fates: ["listen", "hang"],
      events: ["spawn", "open 4000", "ready", "spawn", "kill"],
    },
  };
  for (const [moment, { fates, events }] of Object.entries(moments)) {
    Deno.test(`a stop ${moment} applies to what stands (${onStop})`, async () => {
      const world = new World();
      world.fates.push(...fates);
      if (fates.length === 0) world.order.give();
      const run = world.run({ onStop });
      if (fates.length > 1) {
        await world.until("ready");
        world.first.die("signal SIGKILL");
      }
      await (fates.length > 0 && world.until("spawn", fates.length));
      world.order.give();
      assertEquals(await run, true);
      assertEquals(world.events, [...events, ...left]);
    });
  }
}

for (const [onCrash, ...left] of [["keep"], ["remove", "absent"]] as const) {
  Deno.test(`Supervisor.run() starts a dead child again, treats the rule as told, and gives up after five deaths in a minute (${onCrash})`, async () => {
    const world = new World();
    using _clock = await skipWaits();
    const run = world.run({ onCrash });
    await world.until("ready");
    world.first.die("exit code 133");
    await world.until("open 4000", 2);
    assertEquals(world.later, [...left, "spawn", "open 4000"]);
    assertMatch(
      world.lines.join(""),
      /the proxy died pid=7 how="exit code 133"/,
    );
    await delay(61_000);
    world.fates.push("a", "b", "c", "d");
    world.children[1]?.die("signal SIGSEGV");
    assertEquals(await run, false);
    assertEquals(world.later.slice(left.length + 2), [
      ...left,
      ...["spawn", "spawn", "spawn", "spawn"],
      ...left,
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
  assertEquals(await run, true);
});

Deno.test("Supervisor.run() ends its child where another instance runs, and drains and ends where one has taken the rule", async () => {
  const world = new World();
  using _clock = await skipWaits();
  world.conflict = { port: 4001, uid: 10_169 };
  await assertRejects(() => world.run(), ConflictError, "Another instance");
  assertEquals(world.events, ["spawn", "kill"]);
  world.conflict = undefined;
  const keeping = world.keeper.run();
  const run = world.run();
  await world.until("ready");
  world.conflict = { port: 4001, uid: 10_169 };
  await assertRejects(() => run, ConflictError, "Another instance");
  assertEquals(world.later, ["drain at once"]);
  world.keeper.close();
  await keeping;
});

for (const times of [1, 2]) {
  Deno.test(`a stop drops the requests in flight that take too long (told ${times} times)`, async () => {
    const world = new World();
    using _clock = await skipWaits();
    const run = world.run();
    await world.until("ready");
    world.first.isStubborn = true;
    world.order.give();
    await world.until("drain");
    if (times > 1) world.order.give();
    assertEquals(await run, true);
    assertEquals(world.later, ["draining", "drain", "kill", "absent"]);
  });
}

for (const hanging of ["open", "draining", "absent"]) {
  Deno.test(`a stop ends in time when the rule hangs (${hanging})`, async () => {
    const world = new World();
    using _clock = await skipWaits();
    world.hanging = hanging;
    const run = world.run();
    await world.until(hanging === "open" ? "open 4000" : "ready");
    world.first.isStubborn = true;
    const started = performance.now();
    world.order.give();
    assertEquals(await run, false);
    assert(world.events.includes("drain"));
    const took = performance.now() - started;
    assert(took > 14_000 && took <= 18_000, `${took}`);
    const said = world.lines.filter((it) => it.includes("still stands"));
    assertEquals(said.length, 1);
  });
}

Deno.test("a stop says before the drain that the rule stands, and tries again after it", async () => {
  const world = new World();
  const run = world.run();
  await world.until("ready");
  world.failing = ["draining", "absent"];
  world.order.give();
  assertEquals(await run, false);
  assertEquals(world.later, [
    ...["draining", "draining", "drain", "absent", "absent"],
  ]);
  const messages = world.lines.filter((it) => !it.includes("cannot"));
  assertMatch(messages.at(-2) ?? "", /error the rule still stands, c2s-imds/);
  assertMatch(messages.at(-1) ?? "", /info stopped\n$/);
});

Deno.test("a stop leaves another instance's rule alone, and is a clean one", async () => {
  const world = new World();
  using _clock = await skipWaits();
  const run = world.run();
  await world.until("ready");
  world.conflict = { port: 4001, uid: 10_169 };
  world.order.give();
  assertEquals(await run, true);
  assertEquals(world.later, ["drain"]);
  assertEquals(world.lines.filter((it) => / error /.test(it)), []);
});

Deno.test("Supervisor.run() ends a child that says nothing any more, but none that makes progress", async () => {
  const world = new World();
  using _clock = await skipWaits();
  const run = world.run();
  await world.until("ready");
  const { first } = world;
  first.isStuck = true;
  // It reads no line, but tells of its requests.
  let last = 0;
  for (let requests = 1; requests < 20; requests++) {
    const told = first.told.length;
    first.state = { ...first.state, requests };
    last = performance.now();
    while (first.told.length === told && world.later.length === 0) {
      await delay(100);
    }
    // What the parent counts is no older than that.
    assert(performance.now() - last <= 2_000);
    assertEquals(first.told.at(-1), { tally: world.keeper.tally });
  }
  assertEquals(world.later, []);
  await world.until("kill");
  const silentMs = performance.now() - last;
  assert(silentMs >= 6_000 && silentMs <= 8_000, `${silentMs}`);
  await world.until("open 4000", 2);
  assertEquals(world.later, ["kill", "spawn", "open 4000"]);
  world.order.give();
  assertEquals(await run, true);
  assertMatch(
    world.lines.join(""),
    /error the proxy does not react, ending it/,
  );
});

Deno.test("Supervisor.reload() has the rule looked at, and tells the child, and the next one, what changed", async () => {
  const world = new World();
  let checks = 0;
  world.keeper.check = () => checks++;
  const supervisor = world.supervisor();
  const run = supervisor.run();
  await world.until("ready");
  const told = world.first.told.length;
  supervisor.reload(undefined);
  assertEquals([world.first.told.length, checks], [told, 1]);
  supervisor.reload({ ...CONFIG, cacheMs: 7 });
  assertEquals([world.first.told.at(-1)?.config?.cacheMs, checks], [7, 2]);
  world.first.die("signal SIGKILL");
  await world.until("spawn", 2);
  world.order.give();
  assertEquals(await run, true);
  assertEquals(world.children.map(({ config }) => config.cacheMs), [0, 7]);
});
