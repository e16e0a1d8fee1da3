import { assertEquals } from "@std/assert";
import { Restarts } from "../../lib/supervisor/restarts.ts";

Deno.test("Restarts.died() waits longer after each death and gives up at the fifth", () => {
  const restarts = new Restarts();
  const waits = [0, 1, 2, 3, 4].map((second) => restarts.died(second * 1_000));
  assertEquals(waits, [
    { waitMs: 100 },
    { waitMs: 200 },
    { waitMs: 400 },
    { waitMs: 800 },
    "give up",
  ]);
});

Deno.test("Restarts.died() forgets deaths after a minute", () => {
  const restarts = new Restarts();
  for (const at of [0, 1, 2, 3]) restarts.died(at);
  assertEquals(restarts.died(60_003), { waitMs: 100 });
});
