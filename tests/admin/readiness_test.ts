import { assert, assertEquals } from "@std/assert";
import { readiness } from "../../lib/admin/readiness.ts";
import { skipWaits, stopClock } from "../helpers/clock.ts";

/** How long findings are kept, in milliseconds. */
const KEEP_MS = 1_000;

const NEVER = new Promise<never>(() => {});

Deno.test("readiness() looks once for all who ask meanwhile or within a second, good or bad", async () => {
  using clock = await stopClock();
  let looks = 0;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const faults = [promise, undefined, "gone"];
  const ask = readiness({ upstream: async () => await faults[looks++] });
  const asked = Array.from({ length: 100 }, () => ask());
  clock.advance(KEEP_MS);
  asked.push(ask());
  resolve(undefined);
  const ok = { isReady: true, text: "upstream: ok\n" };
  for (const findings of await Promise.all(asked)) assertEquals(findings, ok);
  assertEquals(looks, 1);
  const gone = { isReady: false, text: "upstream: gone\n" };
  for (const [findings, look] of [[ok, 2], [gone, 3]]) {
    assertEquals([await ask(), looks], [findings, look]);
    clock.advance(KEEP_MS - 1);
    assertEquals([await ask(), looks], [findings, look]);
    clock.advance(1);
  }
});

Deno.test("readiness() waits for nothing longer than 2 s, takes a check that breaks for a fault, and gives each one line", async () => {
  using _clock = await skipWaits();
  const started = performance.now();
  const ask = readiness({
    rule: () => NEVER,
    upstream: () => Promise.reject(new Error("bad\nproxy: ok\x85")),
    proxy: () => Promise.resolve(undefined),
  });
  assertEquals(await ask(), {
    isReady: false,
    text: "rule: no answer within 2 s\nupstream: bad?proxy: ok?\nproxy: ok\n",
  });
  assert(performance.now() - started >= 2_000);
});
