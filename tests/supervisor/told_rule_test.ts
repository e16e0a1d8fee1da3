import { assertEquals } from "@std/assert";
import { LATE_MS, ToldRule } from "../../lib/supervisor/told_rule.ts";

const NOTHING = { repairs: 0, failures: 0 };

Deno.test("ToldRule.fault() asks once for all who want to know", async () => {
  let questions = 0;
  const rule = new ToldRule(NOTHING, () => questions++);
  const asked = [rule.fault(), rule.fault(), rule.fault()];
  assertEquals(questions, 1);
  rule.tell("absent");
  assertEquals(await Promise.all(asked), ["absent", "absent", "absent"]);
  const again = rule.fault();
  assertEquals(questions, 2);
  rule.tell(undefined);
  assertEquals(await again, undefined);
});

Deno.test("ToldRule.fault() claims nothing by an answer that comes too late", async () => {
  let now = 0;
  let questions = 0;
  const rule = new ToldRule(NOTHING, () => questions++, () => now);
  const first = rule.fault();
  now = LATE_MS;
  assertEquals(await rule.fault(), "not known, nobody answers who may look");
  assertEquals(questions, 1);
  rule.tell(undefined);
  await first;
  const second = rule.fault();
  assertEquals(questions, 2);
  rule.tell("absent");
  assertEquals(await second, "absent");
});

Deno.test("ToldRule.tell() does nothing when nobody asked", async () => {
  const rule = new ToldRule(NOTHING, () => {});
  rule.tell(undefined);
  const asked = rule.fault();
  rule.tell("absent");
  assertEquals(await asked, "absent");
});
