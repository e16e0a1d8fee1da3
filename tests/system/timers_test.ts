import { assert, assertEquals } from "@std/assert";
import { systemRunner } from "../../lib/system/system_runner.ts";
import { after, deadline, delay, every } from "../../lib/system/timers.ts";

Deno.test("after() acts once, in the order of time, not early, and not when taken back", async () => {
  const started = performance.now();
  const acted: number[] = [];
  const last = Promise.withResolvers<void>();
  const act = (ms: number) => () => {
    assert(performance.now() - started >= ms, `${ms}`);
    acted.push(ms);
    if (acted.length === 3) last.resolve();
  };
  after(60, act(60));
  const taken = after(10, act(10));
  after(20, act(20));
  after(0, act(0));
  taken();
  await last.promise;
  await delay(20);
  assertEquals(acted, [0, 20, 60]);
});

Deno.test("after() acts when the one before was taken back, whenever that was", async () => {
  for (const wait of [0, 30]) {
    after(20, () => {})();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const started = performance.now();
    await new Promise<void>((resolve) => after(10, resolve));
    assert(performance.now() - started >= 10);
    after(5_000, () => {})();
    await new Promise<void>((resolve) => after(10, resolve));
    assert(performance.now() - started < 2_000);
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
  const taken = [10, 40].map((ms) => after(ms, () => seen.push("taken back")));
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

Deno.test("a process waits for what is pending, and for nothing that was taken back", async () => {
  const url = new URL("../../lib/system/timers.ts", import.meta.url);
  const script = `
    import { after } from ${JSON.stringify(url.href)};
    after(100_000, () => {})();
    after(10, () => after(100_000, () => {})());
    after(10, () => {});
    after(50, () => Deno.stdout.writeSync(new TextEncoder().encode("acted")));
    after(100_000, () => {})();
  `;
  const result = await systemRunner(
    [Deno.execPath(), "run", "--quiet", "--no-config", "--no-check", "-"],
    { stdin: script, timeoutMs: 20_000 },
  );
  assertEquals(result, { code: 0, stdout: "acted", stderr: "" });
});

Deno.test("delay() ends early with its signal, deadline() when time runs out", async () => {
  const ended = new AbortController();
  const long = delay(3_600_000, ended.signal);
  ended.abort();
  await long;
  await delay(3_600_000, ended.signal);
  assertEquals(await deadline(long, 3_600_000), undefined);
  assertEquals(
    await deadline(Promise.resolve("in time"), 3_600_000),
    "in time",
  );
  assertEquals(await deadline(new Promise(() => {}), 5), undefined);
});
