import { assertEquals, assertRejects } from "@std/assert";
import { EXIT } from "../../lib/commands/command.ts";
import { runUntilStopped } from "../../lib/commands/run_until_stopped.ts";
import { createLog } from "../../lib/observe/log.ts";
import type { Proxy } from "../../lib/proxy/proxy.ts";
import { StopOrder } from "../../lib/system/stop_order.ts";

const LOG = createLog({ level: "error", format: "text", write: () => {} });

/** A proxy that ends only when the test says so, and the world around it. */
class Stage {
  readonly finished = Promise.withResolvers<void>();
  readonly drained = Promise.withResolvers<void>();
  readonly asked = Promise.withResolvers<void>();
  readonly events: string[] = [];

  readonly proxy: Proxy = {
    addresses: [],
    requests: 0,
    askUpstream: () => Promise.resolve(200),
    configure: () => {},
    closing: () => {},
    finished: this.finished.promise,
    shutdown: () => {
      this.events.push("shutdown");
      this.asked.resolve();
      return this.drained.promise;
    },
    abort: () => this.events.push("abort"),
  };

  readonly order = new StopOrder();
}

Deno.test("runUntilStopped() drains and ends well when it is told to", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.order, LOG);
  stage.order.give();
  await stage.asked.promise;
  stage.drained.resolve();
  assertEquals(await code, EXIT.OK);
  assertEquals(stage.events, ["shutdown"]);
});

Deno.test("runUntilStopped() drops everything when it is told once more", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.order, LOG);
  stage.order.give();
  await stage.asked.promise;
  stage.order.give();
  assertEquals(await code, EXIT.OK);
  assertEquals(stage.events, ["shutdown", "abort"]);
});

Deno.test("runUntilStopped() drops everything when the drain takes too long", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.order, LOG, 20);
  stage.order.give();
  assertEquals(await code, EXIT.OK);
  assertEquals(stage.events, ["shutdown", "abort"]);
});

Deno.test("runUntilStopped() fails when the proxy ends by itself", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.order, LOG);
  stage.finished.resolve();
  await assertRejects(
    () => code,
    Error,
    "Cannot go on: the proxy stopped listening by itself",
  );
});

Deno.test("runUntilStopped() fails when the proxy breaks", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.order, LOG);
  stage.finished.reject(new Error("broken"));
  await assertRejects(() => code, Error, "broken");
});
