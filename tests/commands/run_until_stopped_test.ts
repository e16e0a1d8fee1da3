import { assertEquals, assertRejects } from "@std/assert";
import { EXIT, type Io, type Signal } from "../../lib/cli/command.ts";
import { runUntilStopped } from "../../lib/commands/run_until_stopped.ts";
import { createLog } from "../../lib/system/log.ts";
import type { Proxy } from "../../lib/proxy/proxy.ts";

const LOG = createLog({ level: "error", format: "text", write: () => {} });

/** A proxy that ends only when the test says so, and the world around it. */
class Stage {
  readonly finished = Promise.withResolvers<void>();
  readonly drained = Promise.withResolvers<void>();
  readonly asked = Promise.withResolvers<void>();
  readonly events: string[] = [];
  readonly #handlers = new Map<Signal, () => void>();

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

  readonly io: Pick<Io, "onSignal"> = {
    onSignal: (signal, handler) => {
      this.#handlers.set(signal, handler);
      return () => this.#handlers.delete(signal);
    },
  };

  signal(signal: Signal): void {
    this.#handlers.get(signal)?.();
  }

  get listening(): number {
    return this.#handlers.size;
  }
}

Deno.test("runUntilStopped() drains and ends well when a signal comes", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGALRM"] as const) {
    await t.step(signal, async () => {
      const stage = new Stage();
      const code = runUntilStopped(stage.proxy, stage.io, LOG);
      stage.signal(signal);
      await stage.asked.promise;
      stage.drained.resolve();
      assertEquals(await code, EXIT.OK);
      assertEquals(stage.events, ["shutdown"]);
      assertEquals(stage.listening, 0);
    });
  }
});

Deno.test("runUntilStopped() drops everything when a second signal comes", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.io, LOG);
  stage.signal("SIGTERM");
  await stage.asked.promise;
  // So much later that it is another one.
  await new Promise((resolve) => setTimeout(resolve, 260));
  stage.signal("SIGINT");
  assertEquals(await code, EXIT.OK);
  assertEquals(stage.events, ["shutdown", "abort"]);
});

Deno.test("runUntilStopped() drops everything when the drain takes too long", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.io, LOG, 20);
  stage.signal("SIGTERM");
  assertEquals(await code, EXIT.OK);
  assertEquals(stage.events, ["shutdown", "abort"]);
});

Deno.test("runUntilStopped() fails when the proxy ends by itself", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.io, LOG);
  stage.finished.resolve();
  await assertRejects(
    () => code,
    Error,
    "Cannot go on: the proxy stopped listening by itself",
  );
  assertEquals(stage.listening, 0);
});

Deno.test("runUntilStopped() fails when the proxy breaks", async () => {
  const stage = new Stage();
  const code = runUntilStopped(stage.proxy, stage.io, LOG);
  stage.finished.reject(new Error("broken"));
  await assertRejects(() => code, Error, "broken");
});
