import { assert, assertEquals } from "@std/assert";
import {
  ASK_MS,
  KEEP_MS,
  Readiness,
  renderFindings,
} from "../../lib/admin/readiness.ts";
import { faster } from "../helpers/faster.ts";

Deno.test("Readiness.look() looks once for all who ask meanwhile", async () => {
  let looks = 0;
  const answer = Promise.withResolvers<string | undefined>();
  const readiness = new Readiness([{
    name: "upstream",
    fault: () => {
      looks++;
      return answer.promise;
    },
  }], () => 0);
  const asked = Array.from({ length: 100 }, () => readiness.look());
  answer.resolve(undefined);
  for (const findings of await Promise.all(asked)) {
    assertEquals(findings, [{ name: "upstream", fault: undefined }]);
  }
  assertEquals(looks, 1);
});

Deno.test("Readiness.look() looks again after a second, good or bad", async () => {
  const faults = [undefined, "gone", undefined];
  let looks = 0;
  let now = 0;
  const readiness = new Readiness([{
    name: "upstream",
    fault: () => Promise.resolve(faults[looks++]),
  }], () => now);
  const look = async () => (await readiness.look())[0]?.fault;
  assertEquals([await look(), await look()], [undefined, undefined]);
  now = KEEP_MS - 1;
  assertEquals([await look(), looks], [undefined, 1]);
  now = KEEP_MS;
  assertEquals([await look(), await look(), looks], ["gone", "gone", 2]);
  now = 2 * KEEP_MS;
  assertEquals([await look(), looks], [undefined, 3]);
});

Deno.test("Readiness.look() waits for nothing longer than 2 s", async () => {
  using _clock = await faster(100);
  const started = performance.now();
  const readiness = new Readiness([
    { name: "rule", fault: () => new Promise(() => {}) },
    { name: "proxy", fault: () => Promise.resolve(undefined) },
  ]);
  assertEquals(await readiness.look(), [
    { name: "rule", fault: "no answer within 2 s" },
    { name: "proxy", fault: undefined },
  ]);
  assert(performance.now() - started >= ASK_MS);
});

Deno.test("Readiness.look() takes a check that breaks for a fault", async () => {
  const readiness = new Readiness([
    { name: "rule", fault: () => Promise.reject(new Error("no idea")) },
  ]);
  assertEquals(await readiness.look(), [
    { name: "rule", fault: "Error: no idea" },
  ]);
});

Deno.test("renderFindings() gives each check one line", () => {
  assertEquals(
    renderFindings([
      { name: "upstream", fault: undefined },
      { name: "rule", fault: "bad\nproxy: ok\x85" },
    ]),
    "upstream: ok\nrule: bad?proxy: ok?\n",
  );
});
