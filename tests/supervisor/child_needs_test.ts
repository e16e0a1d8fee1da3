import { assertEquals } from "@std/assert";
import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import { answerChild } from "../../lib/supervisor/child_needs.ts";
import type { Child, Orders } from "../../lib/supervisor/child_process.ts";
import type { ChildState } from "../../lib/supervisor/state.ts";
import { NEVER } from "./config.ts";

const FIRST = { hostname: "10.1.1.1", port: 80 };
const SECOND = { hostname: "10.1.1.2", port: 80 };

/** A child that says what a test has it say, and notes what it is told. */
class FakeChild implements Child {
  readonly pid = 7;
  readonly listening: Child["listening"];
  readonly told: Orders[] = [];
  state: ChildState = { read: 0, requests: 0, looks: 0 };
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;
  #change = Promise.withResolvers<void>();
  #news = Promise.withResolvers<void>();

  constructor(listening: Child["listening"] = NEVER) {
    this.listening = listening;
  }

  says(state: Partial<ChildState>): void {
    this.state = { ...this.state, ...state };
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
  changed() {
    return this.#change.promise;
  }
  tell(orders: Orders): void {
    this.told.push(orders);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
  kill(): void {
    this.#ended.resolve("signal SIGKILL");
  }
  async untilTold(times: number): Promise<void> {
    while (this.told.length < times) await this.#news.promise;
  }
}

/** An upstream that a test moves. */
function movingSource() {
  const world = {
    where: FIRST as UpstreamAddress | string,
    failed: [] as UpstreamAddress[],
    looks: 0,
  };
  const source = {
    current: () => {
      world.looks++;
      return typeof world.where === "string"
        ? Promise.reject(new Error(world.where))
        : Promise.resolve(world.where);
    },
    failed: (address: UpstreamAddress) => void world.failed.push(address),
    close: () => {},
  };
  return { world, source };
}

Deno.test("answerChild() tells where the upstream is, and only what is new", async () => {
  const { world, source } = movingSource();
  const child = new FakeChild();
  const answered = answerChild(child, { source, everyMs: 1 });
  await child.untilTold(1);
  world.where = SECOND;
  await child.untilTold(2);
  world.where = "no lease is there";
  await child.untilTold(3);
  child.kill();
  await answered;
  assertEquals(child.told.map(({ upstream }) => upstream), [
    { address: FIRST, answers: 0 },
    { address: SECOND, answers: 0 },
    { reason: "no lease is there", answers: 0 },
  ]);
});

Deno.test("answerChild() looks for the upstream at once when the child asks, and answers without news", async () => {
  const { world, source } = movingSource();
  const child = new FakeChild();
  const answered = answerChild(child, { source, everyMs: 3_600_000 });
  await child.untilTold(1);
  for (let times = 1; times <= 100; times++) {
    child.says({ unreachable: { ...FIRST, times } });
  }
  await child.untilTold(2);
  assertEquals(child.told[1], { upstream: { address: FIRST, answers: 100 } });
  assertEquals([world.looks, world.failed], [2, [FIRST]]);
  child.kill();
  await answered;
});

Deno.test("answerChild() looks at the rule once for all questions so far", async () => {
  const child = new FakeChild();
  const looks: ((fault: string | undefined) => void)[] = [];
  const looking = Promise.withResolvers<void>();
  const rule = {
    tally: { repairs: 1, failures: 0 },
    fault: () => {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      looks.push(resolve);
      looking.resolve();
      return promise;
    },
  };
  const answered = answerChild(child, { rule });
  child.says({ looks: 1 });
  await looking.promise;
  for (let looks = 2; looks <= 50; looks++) child.says({ looks });
  looks[0]?.("absent");
  await child.untilTold(1);
  while (looks.length < 2) await Promise.resolve();
  looks[1]?.(undefined);
  await child.untilTold(2);
  assertEquals(child.told, [
    { tally: rule.tally, look: { answers: 1, fault: "absent" } },
    { tally: rule.tally, look: { answers: 50 } },
  ]);
  child.kill();
  await answered;
  assertEquals(looks.length, 2);
});

Deno.test("answerChild() looks who asks once for all questions so far, forgets it in the next line, and goes on when a look fails", async () => {
  const listener = { hostname: "127.0.0.1", port: 4000 };
  const child = new FakeChild(Promise.resolve([listener]));
  const asked: (readonly unknown[])[] = [];
  const answered = answerChild(child, {
    owners: (servers) => {
      asked.push(servers);
      return asked.length === 1
        ? Promise.resolve(new Map([["127.0.0.1 40001", 1001]]))
        : Promise.reject(new Error("no process can be started"));
    },
  });
  for (let crowds = 1; crowds <= 50; crowds++) child.says({ crowds });
  await child.untilTold(2);
  child.says({ crowds: 51 });
  await child.untilTold(4);
  child.says({ crowds: 52 });
  await child.untilTold(6);
  child.kill();
  await answered;
  assertEquals(asked.length, 3);
  assertEquals(asked[0]?.[0], listener);
  assertEquals(child.told, [
    { owners: { answers: 50, uids: { "127.0.0.1 40001": 1001 } } },
    { owners: { answers: 50 } },
    { owners: { answers: 51 } },
    { owners: { answers: 51 } },
    { owners: { answers: 52 } },
    { owners: { answers: 52 } },
  ]);
});

Deno.test("answerChild() tells who root and rare users are, however many connections others have", async () => {
  const child = new FakeChild(Promise.resolve([]));
  const many = (uid: number, count: number): [string, number][] =>
    Array.from({ length: count }, (_, i) => [`${uid} ${i}`, uid]);
  const all = [many(1000, 3_000), many(1001, 2_000), many(1002, 2), many(0, 3)];
  const owners = () => Promise.resolve(new Map(all.flat()));
  const answered = answerChild(child, { owners });
  child.says({ crowds: 1 });
  await child.untilTold(1);
  child.kill();
  await answered;
  const told = Object.values(child.told[0]?.owners?.uids ?? {});
  const count = (uid: number) => told.filter((it) => it === uid).length;
  assertEquals([0, 1002, 1001, 1000].map(count), [3, 2, 2_000, 2_091]);
});
