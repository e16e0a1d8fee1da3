import { assert, assertEquals } from "@std/assert";
import { readiness } from "../../lib/admin/readiness.ts";
import { faster } from "../helpers/faster.ts";

/** How long findings are kept, in milliseconds. */
const KEEP_MS = 1_000;

const NEVER = new Promise<never>(() => {});

Deno.test("readiness() looks once for all who ask meanwhile or within a second, good or bad", async () => {
  let now = 1_000;
  performance.now = () => now;
  try {
    let looks = 0;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const faults = [promise, Promise.resolve("gone"), NEVER];
    const ask = readiness({ upstream: () => faults[looks++] ?? NEVER });
    const asked = Array.from({ length: 100 }, () => ask());
    now += 2 * KEEP_MS;
    asked.push(ask());
    now -= KEEP_MS + 1;
    resolve(undefined);
    for (const findings of await Promise.all([...asked, ask()])) {
      assertEquals(findings, { isReady: true, text: "upstream: ok\n" });
    }
    assertEquals(looks, 1);
    now += 1;
    const gone = { isReady: false, text: "upstream: gone\n" };
    assertEquals(await ask(), gone);
    now += KEEP_MS - 1;
    assertEquals([await ask(), looks], [gone, 2]);
  } finally {
    Reflect.deleteProperty(performance, "now");
  }
});

Deno.test("readiness() waits for nothing longer than 2 s, takes a check that breaks for a fault, and gives each one line", async () => {
  using _clock = await faster(100);
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
