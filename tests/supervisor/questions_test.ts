import { assertEquals, assertRejects } from "@std/assert";
import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import type { Child } from "../../lib/supervisor/child_process.ts";
import {
  answerChild,
  type Answerers,
  ParentUpstream,
  Question,
} from "../../lib/supervisor/questions.ts";
import {
  type DesiredChild,
  encodeLine,
  NEW_CHILD,
} from "../../lib/supervisor/state.ts";
import { skipWaits } from "../helpers/clock.ts";

const FIRST = { hostname: "10.1.1.1", port: 80 };
const SECOND = { hostname: "10.1.1.2", port: 80 };

/** A child's questions, and what answers them; disposing of it ends the child. */
function join(answerers: Answerers) {
  const told: Partial<DesiredChild>[] = [];
  let change = Promise.withResolvers<boolean>();
  let news = Promise.withResolvers<void>();
  let asked = NEW_CHILD.asked;
  const say = () => {
    asked = {
      rule: rule.count,
      owners: owners.count,
      upstream: upstream.question.count,
    };
    change.resolve(true);
    change = Promise.withResolvers();
  };
  const rule = new Question<NonNullable<DesiredChild["rule"]>>(say);
  const owners = new Question<NonNullable<DesiredChild["owners"]>>(say);
  const upstream = new ParentUpstream(say);
  const child: Child = {
    pid: 7,
    get state() {
      return { requests: 0, asked };
    },
    listening: Promise.resolve([{ hostname: "127.0.0.1", port: 4000 }]),
    ended: new Promise(() => {}),
    changed: () => change.promise,
    tell(orders) {
      told.push(orders);
      rule.take(orders.rule);
      owners.take(orders.owners);
      upstream.take(orders.upstream);
      news.resolve();
      news = Promise.withResolvers();
    },
    kill() {},
  };
  const answered = answerChild(child, answerers);
  return {
    ...{ rule, owners, upstream, told },
    async untilTold(times: number) {
      while (told.length < times) await news.promise;
    },
    async [Symbol.asyncDispose]() {
      change.resolve(false);
      change = { ...change, promise: Promise.resolve(false) };
      await answered;
    },
  };
}

/** An upstream that a test moves. */
function movingSource() {
  const world = {
    where: FIRST as UpstreamAddress | string,
    failed: [] as UpstreamAddress[],
  };
  const source = {
    moves: true,
    current: () =>
      typeof world.where === "string"
        ? Promise.reject(new Error(world.where))
        : Promise.resolve(world.where),
    failed(address: UpstreamAddress) {
      world.failed.push(address);
      world.where = SECOND;
    },
    close: () => {},
  };
  return { world, source };
}

Deno.test("the child knows where its upstream is, and hears only what is new", async () => {
  using _clock = await skipWaits();
  const { world, source } = movingSource();
  await using it = join({ source });
  assertEquals(await it.upstream.current(60_000), FIRST);
  world.where = SECOND;
  await it.untilTold(2);
  assertEquals(await it.upstream.current(0), SECOND);
  world.where = "no lease is there";
  await it.untilTold(3);
  await assertRejects(() => it.upstream.current(0), Error, "no lease is there");
  it.upstream.failed(FIRST);
  assertEquals(it.told.length, 3);
  assertEquals(world.failed, []);
});

Deno.test("the child has its upstream looked for at once, once for all requests that fail", async () => {
  const { world, source } = movingSource();
  await using it = join({ source });
  const { upstream } = it;
  assertEquals(await upstream.current(60_000), FIRST);
  for (let i = 0; i < 100; i++) upstream.failed(FIRST);
  upstream.failed(SECOND);
  assertEquals(upstream.question.count, 1);
  assertEquals(await upstream.current(60_000), SECOND);
  assertEquals(world.failed, [FIRST]);
});

Deno.test("the child keeps to what it was told while its parent is silent", async () => {
  using _clock = await skipWaits();
  const upstream = new ParentUpstream(() => {});
  await assertRejects(() => upstream.current(60_000), Error, "not been found");
  upstream.take({ to: 0, address: FIRST });
  upstream.failed(FIRST);
  assertEquals(await upstream.current(60_000), FIRST);
  const question = new Question(() => {});
  assertEquals(await question.answer(), undefined);
  question.ask();
  assertEquals(await question.answer(), undefined);
});

Deno.test("the parent looks at the rule once for all questions so far, and no answer is to an older one", async () => {
  let looks = 0;
  const looking = Promise.withResolvers<void>();
  const first = Promise.withResolvers<string>();
  const rule = {
    tally: { repairs: 1, failures: 0 },
    fault() {
      looking.resolve();
      return looks++ === 0 ? first.promise : Promise.resolve(undefined);
    },
  };
  await using it = join({ rule });
  it.rule.ask();
  await looking.promise;
  for (let i = 1; i < 50; i++) it.rule.ask();
  const answer = it.rule.answer(60_000);
  first.resolve("absent");
  assertEquals(await answer, { to: 50, fault: undefined });
  assertEquals(it.told, [
    { tally: rule.tally, rule: { to: 1, fault: "absent" } },
    { tally: rule.tally, rule: { to: 50, fault: undefined } },
  ]);
});

Deno.test("the parent looks who asks once for all questions so far, repeats no answer, and goes on when a look fails", async () => {
  using _clock = await skipWaits();
  const client = new Map([["127.0.0.1 40001", 1001]]);
  const servers: unknown[] = [];
  await using it = join({
    owners([server]) {
      servers.push(server);
      return servers.length === 1
        ? Promise.resolve(client)
        : Promise.reject(new Error("no process can be started"));
    },
  });
  for (let i = 0; i < 50; i++) it.owners.ask();
  assertEquals(await it.owners.answer(60_000), { to: 50, uids: client });
  await it.untilTold(2);
  it.owners.ask();
  assertEquals((await it.owners.answer(60_000))?.uids, undefined);
  assertEquals(servers.length, 2);
  assertEquals(servers[0], { hostname: "127.0.0.1", port: 4000 });
  assertEquals(it.told[1], { owners: { to: 50 } });
});

Deno.test("the parent tells who root and rare users are, however many connections others have", async () => {
  const many = (uid: number, count: number): [string, number][] =>
    Array.from({ length: count }, (_, i) => [`${uid} ${i}`, uid]);
  const all = [many(1000, 3_000), many(1001, 2_000), many(1002, 2), many(0, 3)];
  const found = Promise.resolve(new Map(all.flat()));
  await using it = join({ owners: () => found });
  it.owners.ask();
  const { uids } = await it.owners.answer(60_000) ?? {};
  const told = [...uids?.values() ?? []];
  const count = (uid: number) => told.filter((it) => it === uid).length;
  assertEquals([0, 1002, 1001, 1000].map(count), [3, 2, 2_000, 2_091]);
  const line = new TextDecoder().decode(
    encodeLine({ ...it.told[0] } as DesiredChild),
  );
  assertEquals(JSON.parse(line).owners.uids.length, 4_096);
});
