import { assertEquals } from "@std/assert";
import { StopOrder } from "../../lib/system/stop_order.ts";

const NEVER = new Promise<never>(() => {});

Deno.test("StopOrder.within() says whether something came in time, and waits no longer once the order was given twice", async () => {
  const order = new StopOrder();
  assertEquals(await order.within(60_000, Promise.resolve()), true);
  assertEquals(await order.within(1, NEVER), false);
  const waited = order.within(60_000, NEVER);
  order.give();
  order.give();
  assertEquals(await waited, false);
  assertEquals(await order.within(60_000, NEVER, 1), false);
  assertEquals(await order.within(60_000, Promise.resolve(), 1_000), true);
});
