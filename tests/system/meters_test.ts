import { assertEquals } from "@std/assert";
import { Histogram } from "../../lib/system/meters.ts";

Deno.test("Histogram counts each time in every bucket that it fits in", () => {
  const times = new Histogram();
  for (const seconds of [0.0001, 0.001, 0.0011, 3, 60]) times.observe(seconds);
  const at = new Map(times.buckets());
  assertEquals(
    [0.0002, 0.0005, 0.001, 0.002, 2, 5, 10, Infinity].map((it) => at.get(it)),
    [1, 1, 2, 3, 3, 4, 4, 5],
  );
  assertEquals([times.count, times.sum], [5, 63.0022]);
});
