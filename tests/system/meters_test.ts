import { assertEquals } from "@std/assert";
import {
  FAULTS,
  Histogram,
  Meters,
  REFUSALS,
  STATUS_CLASSES,
} from "../../lib/system/meters.ts";

Deno.test("Meters count by class, status and fault, and begin at nothing", () => {
  const meters = new Meters();
  const all = () => [
    STATUS_CLASSES.map((it) => meters.answersOf(it)),
    REFUSALS.map((it) => meters.refusalsOf(it)),
    FAULTS.map((it) => meters.faultsOf(it)),
  ];
  assertEquals(all(), [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [0, 0, 0]]);
  for (const status of [200, 206, 304, 404, 429, 499, 500, 508, 599]) {
    meters.answered(status);
  }
  for (const status of [403, 403, 503]) meters.refused(status);
  meters.failed("late");
  assertEquals(all(), [[0, 2, 1, 3, 3], [0, 2, 0, 0, 0, 1, 0], [0, 0, 1]]);
});

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
