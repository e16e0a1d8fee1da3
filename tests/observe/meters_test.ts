import { assertEquals } from "@std/assert";
import {
  FAULTS,
  Meters,
  REFUSALS,
  STATUS_CLASSES,
} from "../../lib/observe/meters.ts";

Deno.test("Meters count by class, status and fault, and begin at nothing", () => {
  const meters = new Meters({ observe: () => {} });
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
