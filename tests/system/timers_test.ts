import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemRunner } from "../../lib/system/runner.ts";
import { after, deadline, delay, every } from "../../lib/system/timers.ts";
import { stopClock } from "../helpers/clock.ts";

Deno.test("after() acts once, in the order of time, not early, and not when taken back", async () => {
  using clock = await stopClock();
  const acted: number[] = [];
  const set = (ms: number) => after(ms, () => acted.push(ms));
  set(24);
  const cancel = set(50);
  set(20);
  set(0);
  cancel();
  clock.advance(19);
  assertEquals(acted, [0]);
  clock.advance(1);
  assertEquals(acted, [0, 20]);
  clock.advance(1_000);
  assertEquals(acted, [0, 20, 24]);
});

Deno.test("after() acts when the one before was cancelled, whenever that was", async () => {
  for (const wait of [0, 30]) {
    after(20, () => {})();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const started = performance.now();
    await new Promise<void>((resolve) => after(10, resolve));
    assert(performance.now() - started >= 10);
    // Were it to wait for the longer one, it would never come.
    after(2 ** 30, () => {})();
    await new Promise<void>((resolve) => after(10, resolve));
  }
});

Deno.test("after() lets what is due change what is to come, and what is due with it", async () => {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  after(10, () => {
    seen.push("first");
    taken.forEach((take) => take());
    after(5, () => {
      seen.push("second");
      resolve();
    });
  });
  const taken = [10, 40].map((ms) => after(ms, () => seen.push("cancelled")));
  // Both are due when the loop goes on.
  const end = performance.now() + 20;
  while (performance.now() < end);
  await promise;
  await delay(50);
  assertEquals(seen, ["first", "second"]);
});

Deno.test("every() goes on until it is ended, even from within", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let times = 0;
  const end = every(5, () => {
    times++;
    if (times < 3) return;
    end();
    resolve();
  });
  await promise;
  await delay(30);
  assertEquals(times, 3);
});

Deno.test("delay() ends early with its signal, deadline() with its promise, time or signal", async () => {
  const hour = 3_600_000;
  const never = new Promise<never>(() => {});
  const stop = new AbortController();
  const long = delay(hour, stop.signal);
  const wait = deadline(never, hour, stop.signal);
  stop.abort();
  await long;
  assertEquals(await wait, undefined);
  await delay(hour, stop.signal);
  assertEquals(await deadline(never, hour, stop.signal), undefined);
  assertEquals(await deadline(never, 5), undefined);
  assertEquals(await deadline(Promise.resolve("in time"), hour), "in time");
  await assertRejects(
    () => deadline(Promise.reject(new TypeError("broken")), hour),
    TypeError,
    "broken",
  );
});

Deno.test("a process waits for what is pending, and for nothing that was cancelled", async () => {
  const url = new URL("../../lib/system/timers.ts", import.meta.url);
  const script = `
    import { after, deadline, delay } from ${JSON.stringify(url.href)};
    after(100_000, () => {})();
    after(10, () => after(100_000, () => {})());
    after(10, () => {});
    after(50, () => Deno.stdout.writeSync(new TextEncoder().encode("acted")));
    after(100_000, () => {})();
    await deadline(1, 100_000);
    await delay(60);
    after(100_000, () => {})();
  `;
  const result = await systemRunner(
    [Deno.execPath(), "run", "--quiet", "--no-config", "--no-check", "-"],
    { stdin: script, timeoutMs: 20_000 },
  );
  assertEquals(result, { code: 0, stdout: "acted", stderr: "" });
});
