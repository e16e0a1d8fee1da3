import { assertEquals } from "@std/assert";
import { type Clock, lookUntil } from "../../lib/check/probe.ts";

/** A clock that stands still but for delays and what looks take. */
class FakeClock implements Clock {
  time = 5_000;

  now(): number {
    return this.time;
  }

  delay(ms: number): Promise<void> {
    this.time += ms;
    return Promise.resolve();
  }
}

/** Looks at set times, each look taking as long as told but never too long. */
async function looks(
  { waitMs, takes, goodFrom }: {
    readonly waitMs: number;
    readonly takes: number;
    readonly goodFrom: number;
  },
) {
  const clock = new FakeClock();
  const start = clock.now();
  const times: number[] = [];
  const seen = await lookUntil(
    (until) => {
      times.push(clock.now() - start);
      const cut = clock.time + takes > until;
      clock.time = Math.min(clock.time + takes, until);
      const good = !cut && clock.now() - start >= goodFrom;
      return Promise.resolve({ good, cut });
    },
    ({ good }) => good,
    { waitMs, onceMs: 4_000, clock },
  );
  return { times, seen, took: clock.now() - start };
}

Deno.test("lookUntil() looks once when it shall not wait", async () => {
  assertEquals(await looks({ waitMs: 0, takes: 10, goodFrom: 99_999 }), {
    times: [0],
    seen: { good: false, cut: false },
    took: 10,
  });
});

Deno.test("lookUntil() bounds a single look", async () => {
  assertEquals(
    (await looks({ waitMs: 0, takes: 60_000, goodFrom: 0 })).took,
    4_000,
  );
});

Deno.test("lookUntil() returns at once when all is well", async () => {
  assertEquals(
    (await looks({ waitMs: 9_000, takes: 10, goodFrom: 0 })).times,
    [0],
  );
});

Deno.test("lookUntil() looks every second until it is good", async () => {
  assertEquals(await looks({ waitMs: 9_000, takes: 10, goodFrom: 2_500 }), {
    times: [0, 1_010, 2_020, 3_030],
    seen: { good: true, cut: false },
    took: 3_040,
  });
});

Deno.test("lookUntil() looks a last time just before time is up", async () => {
  assertEquals(await looks({ waitMs: 2_500, takes: 10, goodFrom: 2_200 }), {
    times: [0, 1_010, 2_020, 2_250],
    seen: { good: true, cut: false },
    took: 2_260,
  });
});

Deno.test("lookUntil() ends in time when it never becomes good", async () => {
  for (const waitMs of [100, 1_000, 1_500, 7_777]) {
    for (const takes of [1, 300, 4_000, 60_000]) {
      const { took } = await looks({ waitMs, takes, goodFrom: 99_999 });
      assertEquals(took <= waitMs, true, `${took} of ${waitMs}, ${takes}`);
    }
  }
});

Deno.test("lookUntil() keeps the look before when the last is cut short", async () => {
  const { times, seen } = await looks({
    waitMs: 3_000,
    takes: 800,
    goodFrom: 99_999,
  });
  assertEquals(times, [0, 1_800, 2_750]);
  assertEquals(seen, { good: false, cut: false });
});
