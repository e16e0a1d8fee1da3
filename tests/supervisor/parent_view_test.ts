import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  LATE_MS,
  ParentOwners,
  ParentRule,
  ParentUpstream,
} from "../../lib/supervisor/parent_view.ts";

const TALLY = { repairs: 0, failures: 0 };

Deno.test("ParentRule.fault() asks once for all who want to know", async () => {
  let questions = 0;
  const rule = new ParentRule(TALLY, () => questions++);
  const asked = [rule.fault(), rule.fault(), rule.fault()];
  assertEquals([questions, rule.looks], [1, 1]);
  rule.tell({ look: { answers: 1, fault: "absent" } });
  assertEquals(await Promise.all(asked), ["absent", "absent", "absent"]);
  const again = rule.fault();
  rule.tell({ tally: { repairs: 1, failures: 2 }, look: { answers: 2 } });
  assertEquals(await again, undefined);
  assertEquals([questions, rule.tally], [2, { repairs: 1, failures: 2 }]);
});

Deno.test("ParentRule.fault() claims nothing by the answer to an older question", async () => {
  let now = 0;
  const rule = new ParentRule(TALLY, () => {}, () => now);
  const first = rule.fault();
  rule.tell({ look: { answers: 0 } });
  now = LATE_MS;
  assertEquals(await rule.fault(), "not known, the parent does not answer");
  assertEquals(rule.looks, 1);
  rule.tell({ look: { answers: 1 } });
  assertEquals(await first, undefined);
  const second = rule.fault();
  rule.tell({ look: { answers: 1 } });
  rule.tell({ look: { answers: 2, fault: "absent" } });
  assertEquals(await second, "absent");
});

const FIRST = { hostname: "10.1.1.1", port: 80 };
const SECOND = { hostname: "10.1.1.2", port: 80 };

function createUpstream() {
  const world = { asked: 0 };
  return { world, source: new ParentUpstream(() => world.asked++) };
}

Deno.test("ParentUpstream.current() waits for the first news", async () => {
  const { source } = createUpstream();
  const current = source.current(5_000);
  source.tell({});
  source.tell({ upstream: { ...{ address: FIRST }, answers: 0 } });
  assertEquals(await current, FIRST);
  assertEquals(await source.current(0), FIRST);
});

Deno.test("ParentUpstream.current() rejects with the parent's reason, or where it says nothing", async () => {
  const { source } = createUpstream();
  await assertRejects(() => source.current(1), Error, "not been found yet");
  source.tell({ upstream: { reason: "no lease is there", answers: 0 } });
  await assertRejects(() => source.current(5_000), Error, "no lease is there");
});

Deno.test("ParentUpstream.failed() asks once and waits for the answer to that", async () => {
  const { world, source } = createUpstream();
  source.tell({ upstream: { address: FIRST, answers: 0 } });
  source.failed(FIRST);
  source.failed(FIRST);
  assertEquals(source.unreachable, { ...FIRST, times: 1 });
  assertEquals(world.asked, 1);
  const current = source.current(5_000);
  source.tell({ upstream: { address: FIRST, answers: 0 } });
  source.tell({ upstream: { address: SECOND, answers: 1 } });
  assertEquals(await current, SECOND);
});

Deno.test("ParentUpstream.failed() ignores what is not the address any more", () => {
  const { world, source } = createUpstream();
  source.failed(FIRST);
  source.tell({ upstream: { reason: "no lease is there", answers: 0 } });
  source.failed(FIRST);
  source.tell({ upstream: { address: SECOND, answers: 0 } });
  source.failed(FIRST);
  assertEquals(world.asked, 0);
});

Deno.test("ParentUpstream.current() keeps to the last news while the parent is silent", async () => {
  const { source } = createUpstream();
  source.tell({ upstream: { address: FIRST, answers: 0 } });
  source.failed(FIRST);
  assertEquals(await source.current(20), FIRST);
  const started = performance.now();
  assertEquals(await source.current(60_000), FIRST);
  assert(performance.now() - started < 30_000);
});

Deno.test("ParentUpstream.close() ends a wait", async () => {
  const { source } = createUpstream();
  const current = source.current(60_000);
  source.close();
  await assertRejects(() => current, Error, "not been found yet");
});

Deno.test("ParentOwners.find() takes the answer to its own question, and waits for no other", async () => {
  let asked = 0;
  const owners = new ParentOwners(() => asked++);
  const first = owners.find();
  owners.tell({ owners: { answers: 0, uids: { old: 0 } } });
  owners.tell({ owners: { answers: 1, uids: { "127.0.0.1 40001": 1001 } } });
  // The parent soon forgets what it saw.
  owners.tell({ owners: { answers: 1 } });
  assertEquals([...await first ?? []], [["127.0.0.1 40001", 1001]]);
  const second = owners.find();
  owners.tell({ owners: { answers: 2 } });
  assertEquals(await second, undefined);
  assertEquals(asked, 2);
  assertEquals(await owners.find(), undefined);
});
