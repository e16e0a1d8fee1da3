import { assertEquals } from "@std/assert";
import { StopOrder } from "../../lib/supervisor/stop_order.ts";

const NEVER = new Promise(() => {});

Deno.test("StopOrder.given settles with the first order", async () => {
  const order = new StopOrder();
  order.give();
  assertEquals(await order.given, "stop");
  assertEquals(order.isForced, false);
  order.give();
  assertEquals(order.isForced, true);
});

Deno.test("StopOrder.inTime() says whether something came in time", async () => {
  const order = new StopOrder();
  assertEquals(await order.inTime(60_000, Promise.resolve()), true);
  assertEquals(await order.inTime(60_000, undefined), true);
  assertEquals(await order.inTime(1, NEVER), false);
});

Deno.test("StopOrder.inTime() waits no longer once the order was given twice", async () => {
  const order = new StopOrder();
  const waited = order.inTime(60_000, NEVER);
  order.give();
  order.give();
  assertEquals(await waited, false);
  assertEquals(await order.inTime(60_000, NEVER), false);
  assertEquals(await order.inTime(1, NEVER, false), false);
});
