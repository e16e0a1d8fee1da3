import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Reconciled } from "../../lib/rule/reconcile.ts";
import {
  DEFAULT_DESTINATION,
  type Desired,
  DESTINATION_IPV6,
  type RedirectTarget,
  rulesOf,
} from "../../lib/rule/rule.ts";
import { ConflictError } from "../../lib/rule/rule_error.ts";
import {
  type RuleAccess,
  RuleKeeper,
  type Where,
} from "../../lib/supervisor/rule_keeper.ts";
import { firstWithin } from "../../lib/system/stop_order.ts";
import { delay } from "../../lib/system/timers.ts";
import { skipWaits } from "../helpers/clock.ts";
import { logInto, NEVER } from "./config.ts";

/** Longer than any wait of the keeper. */
const LONG_MS = 1_200_000;

const OPEN: Desired = {
  state: "open",
  uid: 10_169,
  targets: [
    { ...DEFAULT_DESTINATION, port: 4000 },
    { ...DESTINATION_IPV6, port: undefined },
  ],
};
const ABSENT: Desired = { state: "absent" };
const FOUND = { removed: [], warnings: [], unguarded: [] };

/** So many repairs a minute are a fight, as docs/troubleshooting.md says. */
const FIGHT = 5;

/** The kernel's rules, as a test has them. */
class World implements RuleAccess {
  readonly calls: string[] = [];
  /** What connections were asked for, and what a program looked at. */
  readonly parts: string[] = [];
  readonly families: string[] = [];
  readonly places: Where[] = [];
  readonly lines: string[] = [];
  /** Whether connections show that all is in place. */
  isShown = false;
  /** What stands, as far as it differs; reconciling ends that. */
  drift: readonly string[] = [];
  /** What comes back each time it was put right. */
  stubborn: readonly string[] = [];
  other: RedirectTarget | undefined;
  instead: string | undefined;
  /** Until when no client gets an answer. */
  answered: Promise<void> | undefined;
  /** What a drained rule is like. */
  left: "draining" | "absent" = "draining";
  failing = "";
  isHanging = false;
  readonly keeper = new RuleKeeper(this, logInto(this.lines));
  #news = Promise.withResolvers<void>();

  async reconcile(
    desired: Desired,
    _ownPorts: readonly number[],
    where: Where,
  ): Promise<Reconciled> {
    if (this.other !== undefined) throw new ConflictError(this.other);
    this.places.push(where);
    await this.#called(desired.state);
    const was = this.drift;
    this.drift = this.stubborn;
    const reached = desired.state === "draining"
      ? { state: this.left }
      : desired;
    return { ...FOUND, reached, was };
  }
  doubtful(desired: Desired, part: "guard" | "all") {
    this.parts.push(part);
    const families = rulesOf(desired).map(({ family }) => family);
    return Promise.resolve(this.isShown ? [] : families);
  }
  async look(desired: Desired) {
    this.families.push(rulesOf(desired).map(({ family }) => family).join());
    await this.#called("look");
    return this.drift;
  }
  async route() {
    await this.#called("route");
    await this.answered;
    return this.instead;
  }
  async #called(what: string): Promise<void> {
    this.calls.push(what);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
    if (this.isHanging) await NEVER;
    if (what === this.failing) throw new Error(`no ${what}`);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      assert(this.calls.length < 1_000, `it does not come: ${this.calls}`);
      const next = await firstWithin(LONG_MS, this.#news.promise);
      assert(next !== "late", `nothing more happens: ${this.calls}`);
    }
  }
  count(what: string): number {
    return this.calls.filter((it) => it === what).length;
  }
  /** Looks after the rule while a test runs, without a wait. */
  async kept(test: () => Promise<void>): Promise<void> {
    using _clock = await skipWaits();
    const run = this.keeper.run();
    try {
      await test();
    } finally {
      this.keeper.close();
      await run;
    }
  }
}

Deno.test("RuleKeeper puts back at once what a look misses, and logs what was there", async () => {
  const world = new World();
  await world.keeper.set(OPEN);
  await world.kept(async () => {
    await world.until(() => world.count("look") === 2);
    world.drift = ["the jump from OUTPUT is missing"];
    await world.until(() => world.keeper.tally.repairs === 1);
  });
  assertEquals(world.places, ["everywhere", "in use"]);
  assertMatch(
    world.lines.join(""),
    /^\S+ warn the rule was put back was="the jump from OUTPUT is missing"\n$/,
  );
});

Deno.test("RuleKeeper has connections looked at each 500 ms, programs look where those doubt and each 5 s, and at everything when it is told to and each 30 s", async () => {
  const world = new World();
  world.isShown = true;
  await world.kept(async () => {
    const start = performance.now();
    await world.keeper.set(OPEN);
    await world.until(() => world.count("look") === 1);
    assertEquals(performance.now() - start, 5_000);
    assertEquals(world.calls, ["open", "route", "look"]);
    assertEquals(world.parts.length, 10);
    assertEquals(world.parts.slice(0, 4), ["all", "guard", "guard", "all"]);
    await world.until(() => world.count("route") === 2);
    assertEquals(world.calls.slice(-2), ["open", "route"]);
    assertEquals(performance.now() - start, 30_500);
    assertEquals(world.families, Array(5).fill("ip"));
    world.keeper.check();
    await world.until(() => world.count("route") === 3);
    assertEquals(performance.now() - start, 31_000);
    assertEquals(world.calls.slice(-2), ["open", "route"]);
    world.isShown = false;
    await world.until(() => world.count("look") === 6);
    assertEquals(performance.now() - start, 31_500);
    assertEquals(world.families.at(-1), "ip,ip6");
  });
});

Deno.test("RuleKeeper tries again until it is reached, and says once what fails", async () => {
  const world = new World();
  world.failing = "open";
  await assertRejects(() => world.keeper.set(OPEN), Error, "no open");
  await world.kept(async () => {
    await world.until(() => world.count("open") === 4);
    world.failing = "";
    await world.until(() => world.count("look") === 1);
  });
  assertEquals(world.keeper.tally, { repairs: 0, failures: 3 });
  assertMatch(
    world.lines.join(""),
    /^\S+ error cannot look after .*no open"\n$/,
  );
});

Deno.test("RuleKeeper.keep() leaves what fails to the looks, leave() tries twice", async () => {
  const world = new World();
  world.failing = "absent";
  assertEquals(await world.keeper.keep(ABSENT), false);
  await world.kept(() => world.until(() => world.count("absent") === 2));
  assertEquals(world.count("look"), 0);
  const leaving = new World();
  leaving.failing = "absent";
  assertEquals(await leaving.keeper.leave(ABSENT), false);
  assertEquals(leaving.calls, ["absent", "absent"]);
});

Deno.test("RuleKeeper.leave() does what is left to do", async () => {
  for (const [left, ...more] of [["absent"], ["draining", "absent"]] as const) {
    const world = new World();
    world.left = left;
    await world.keeper.keep(ABSENT);
    assertEquals(await world.keeper.leave({ state: "draining" }), true);
    assertEquals(await world.keeper.leave(ABSENT), true);
    assertEquals(world.calls, ["absent", "draining", ...more]);
  }
});

Deno.test("RuleKeeper.leave() does not wait for what is long over", async () => {
  const world = new World();
  for (let deaths = 0; deaths < 4; deaths++) {
    world.keeper.keep({ state: "absent" });
    world.keeper.keep({ ...OPEN });
  }
  assertEquals(await world.keeper.leave(ABSENT), true);
  assertEquals(world.calls, ["absent"]);
});

Deno.test("RuleKeeper leaves a rule of others before its own where that fight does not end", async () => {
  const world = new World();
  const drift = [
    'IPv4: "-A OUTPUT -j ACCEPT" stands before the jump and ends it',
  ];
  await world.keeper.set(OPEN);
  world.stubborn = world.drift = drift;
  await world.kept(async () => {
    await world.until(() => world.keeper.tally.repairs === FIGHT);
    const looks = world.count("look");
    await world.until(() => world.count("look") === looks + 10);
    assertEquals(world.keeper.tally.repairs, FIGHT);
    // Anything else is put back all the same.
    world.drift = [...drift, "the guard is missing"];
    await world.until(() => world.keeper.tally.repairs === FIGHT + 1);
  });
  const said = (what: string) =>
    world.lines.filter((line) => line.includes(what)).length;
  assertEquals(said(" put back "), FIGHT - 1);
  assertEquals(said(" error another program changes"), 1);
});

Deno.test("RuleKeeper says that clients do not reach the proxy, whatever the rules look like", async () => {
  const world = new World();
  await world.keeper.set(OPEN);
  world.instead = "169.254.169.254:80 does not end at 127.0.0.1:4000";
  await world.kept(() => world.until(() => world.count("look") === 2));
  assertMatch(
    world.lines.join(""),
    /error clients do not reach the proxy instead="169\.254\.169\.254:80 does not end/,
  );
});

Deno.test("RuleKeeper has no proxy wait for what a client gets, and says nothing of one that is gone", async () => {
  const world = new World();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.answered = promise;
  world.instead = "169.254.169.254:80 does not answer";
  await world.keeper.set(OPEN);
  await world.kept(async () => {
    await world.until(() => world.count("route") === 1);
    await world.keeper.set({ ...OPEN });
    resolve();
    await world.until(() => world.count("look") === 2);
  });
  assertEquals(world.lines, []);
});

const OTHER = { port: 4001, uid: 10_169 };

Deno.test("RuleKeeper waits for another instance to end, and touches nothing of its rule", async () => {
  const world = new World();
  using _clock = await skipWaits();
  world.other = OTHER;
  await assertRejects(
    () => world.keeper.set(OPEN),
    ConflictError,
    "it listens on port 4001 as uid 10169, stop that one first",
  );
  const waiting = new World();
  waiting.other = OTHER;
  const own = waiting.keeper.set(OPEN);
  await delay(50);
  waiting.other = undefined;
  await own;
  assertEquals(waiting.calls, ["open"]);
  assertEquals(await world.keeper.leave(ABSENT), true);
  assertEquals(await world.keeper.leave(ABSENT), true);
  assertEquals(world.calls, []);
  assertMatch(world.lines.join(""), /^\S+ warn the rule is left as .*\n$/);
});

Deno.test("RuleKeeper.lost settles when another instance takes the rule", async () => {
  const world = new World();
  await world.keeper.set(OPEN);
  world.other = OTHER;
  world.drift = ["port is 4001, expected 4000"];
  await world.kept(async () => {
    const lost = await firstWithin(LONG_MS, world.keeper.lost);
    assert(lost instanceof ConflictError);
  });
  assertEquals(world.calls, ["open", "look"]);
});

Deno.test("RuleKeeper.fault() looks at the rule and at what a client gets, at most once a second", async () => {
  using _clock = await skipWaits();
  const world = new World();
  const { keeper } = world;
  const next = async () => {
    await delay(1_001);
    return await keeper.fault();
  };
  assertEquals(await keeper.fault(), "not in place yet");
  await keeper.set(OPEN);
  assertEquals(await next(), undefined);
  assertEquals(await Promise.all([keeper.fault(), keeper.fault()]), [
    undefined,
    undefined,
  ]);
  assertEquals(world.calls, ["open", "look", "route"]);
  world.instead = "it refuses connections";
  assertEquals(await next(), "it refuses connections");
  world.drift = ["the jump from OUTPUT is missing"];
  assertEquals(await next(), "not in place");
  world.failing = "look";
  assertEquals(await next(), "cannot be told");
  world.failing = "";
  await keeper.leave(ABSENT);
  assertEquals(await next(), "about to go");
});

Deno.test("RuleKeeper says once what it could not read or guard, and looks at what it reached", async () => {
  const world = new World();
  const looked: Desired[] = [];
  world.reconcile = () =>
    Promise.resolve({
      ...FOUND,
      ...{ reached: OPEN, was: [], warnings: ["w"] },
      unguarded: ["IPv6 is not guarded: why"],
    });
  world.look = (desired) => {
    looked.push(desired);
    return Promise.resolve([]);
  };
  const wanted: Desired = { ...OPEN, uid: 1 };
  await world.keeper.set(wanted);
  await world.keeper.set(wanted);
  assertEquals(await world.keeper.fault(), undefined);
  assertEquals(looked, [OPEN]);
  assertMatch(
    world.lines.join(""),
    /^\S+ warn the rule may stand .* detail=w\n\S+ warn the rule is not whole detail="IPv6 is not guarded: why"\n$/,
  );
});
