import { assert, assertEquals } from "@std/assert";
import { Deadlines } from "../../lib/proxy/deadlines.ts";

Deno.test("Deadlines act once, not before their time, and not when taken away", async () => {
  const deadlines = new Deadlines();
  const started = performance.now();
  const acted: number[] = [];
  const last = Promise.withResolvers<void>();
  const act = (ms: number) => () => {
    assert(performance.now() - started >= ms);
    acted.push(ms);
    if (acted.length === 2) last.resolve();
  };
  deadlines.set(60, act(60));
  const taken = deadlines.set(10, act(10));
  deadlines.set(20, act(20));
  taken();
  await last.promise;
  assertEquals(acted.toSorted(), [20, 60]);
});

Deno.test("Deadlines.clear() leaves no timer", () => {
  const deadlines = new Deadlines();
  deadlines.set(60_000, () => {});
  deadlines.clear();
});
