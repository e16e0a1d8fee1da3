import { assertEquals } from "@std/assert";
import { firstWithin, StopOrder } from "../../lib/system/stop_order.ts";

const NEVER = new Promise<never>(() => {});

Deno.test("StopOrder.given settles with the first order", async () => {
  const order = new StopOrder();
  assertEquals(order.isGiven, false);
  order.give();
  assertEquals(await order.given, "stop");
  assertEquals([order.isGiven, order.isForced], [true, false]);
  order.give();
  assertEquals(order.isForced, true);
});

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

Deno.test("firstWithin() gives the first, or that it is late", async () => {
  const nothing = Promise.resolve(undefined);
  assertEquals(await firstWithin(60_000, NEVER, nothing), undefined);
  assertEquals(await firstWithin(1, NEVER), "late");
});
