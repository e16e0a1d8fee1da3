import { assertEquals } from "@std/assert";
import { lookUntil } from "../../lib/check/probe.ts";

/**
 * Looks, each look taking as long as told but never too long, by a clock that
 * stands still but for that and for pauses.
 */
async function looks(waitMs: number, takes: number, goodFrom: number) {
  let time = 0;
  const clock = {
    now: () => time,
    delay: (ms: number) => {
      time += ms;
      return Promise.resolve();
    },
  };
  const times: number[] = [];
  const seen = await lookUntil(
    (until) => {
      times.push(time);
      const cut = time + takes > until;
      time = Math.min(time + takes, until);
      return Promise.resolve({ good: !cut && time >= goodFrom, cut });
    },
    ({ good }) => good,
    waitMs,
    clock,
  );
  return { times, ...seen, took: time };
}

const NEVER = Infinity;

Deno.test("lookUntil() looks every second until it is good or time is up", async () => {
  for (
    const [what, waitMs, takes, goodFrom, times, good, took] of [
      ["once when it shall not wait", 0, 10, NEVER, [0], false, 10],
      ["no more when all is well", 9_000, 10, 0, [0], true, 10],
      [
        "every second",
        9_000,
        10,
        2_500,
        [0, 1_010, 2_020, 3_030],
        true,
        3_040,
      ],
      [
        "a last time just before time is up",
        2_500,
        10,
        2_200,
        [0, 1_010, 2_020, 2_250],
        true,
        2_260,
      ],
      // The last look was cut short, and the one before counts.
      ["and keeps", 3_000, 800, NEVER, [0, 1_800, 2_750], false, 3_000],
    ] as const
  ) {
    assertEquals<unknown>(
      await looks(waitMs, takes, goodFrom),
      { times, good, cut: false, took },
      what,
    );
  }
});
