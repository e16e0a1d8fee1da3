import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { EXIT } from "../../lib/cli/command.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { serve } from "../../lib/commands/serve.ts";
import { listenForSignals, runUntilStopped } from "../../lib/commands/stop.ts";
import { StopOrder } from "../../lib/system/stop_order.ts";
import { skipWaits } from "../helpers/clock.ts";
import { fakeIo } from "../helpers/io.ts";
import { recordLog } from "../helpers/log.ts";

/** Listens, and gives the means to send signals at a time. */
function listen() {
  const { io, handlers } = fakeIo();
  const { log, lines } = recordLog();
  let time = 0;
  const signals = listenForSignals(io, () => time);
  signals.log = log;
  const send = (signal: Deno.Signal, at = 0) => {
    time = at;
    handlers.get(signal)?.();
  };
  return { handlers, lines, signals, send, order: signals.order };
}

Deno.test("listenForSignals() stops at any of four signals, and takes those that come together for one", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGALRM"] as const) {
    const { handlers, signals, send, order } = listen();
    send(signal);
    send(signal, 100);
    assertEquals([order.isGiven, order.isForced], [true, false]);
    send("SIGINT", 400);
    assertEquals(order.isForced, true);
    signals.close();
    assertEquals(handlers.size, 0);
  }
});

Deno.test("listenForSignals() ignores what means nothing, and takes SIGHUP before there is anything to read again", () => {
  const { lines, signals, send, order } = listen();
  send("SIGUSR1");
  send("SIGUSR2", 1_000);
  assertMatch(lines[0] ?? "", /info ignoring a signal signal=SIGUSR1\n$/);
  send("SIGHUP", 2_000);
  let times = 0;
  signals.reload = () => times++;
  send("SIGHUP", 3_000);
  assertEquals([times, order.isGiven, lines.length], [1, false, 2]);
});

/** A proxy that ends when the test says so, and what is asked of it. */
function run() {
  const finished = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const order = new StopOrder();
  const events: string[] = [];
  const proxy = {
    finished: finished.promise,
    shutdown() {
      events.push("shutdown");
      asked.resolve();
      return drained.promise;
    },
    abort: () => events.push("abort"),
  };
  const code = runUntilStopped(proxy, order, recordLog().log);
  return { finished, drained, asked, order, events, code };
}

Deno.test("runUntilStopped() drains, and drops what takes too long or what it is told to once more", async () => {
  const ends: Record<string, (it: ReturnType<typeof run>) => void> = {
    "shutdown": ({ drained }) => drained.resolve(),
    "shutdown abort": ({ order }) => order.give(),
  };
  for (const [events, end] of Object.entries(ends)) {
    const it = run();
    it.order.give();
    await it.asked.promise;
    end(it);
    assertEquals(await it.code, EXIT.OK);
    assertEquals(it.events.join(" "), events);
  }
  using _clock = await skipWaits();
  const late = run();
  late.order.give();
  assertEquals(await late.code, EXIT.OK);
  assertEquals(late.events, ["shutdown", "abort"]);
});

Deno.test("runUntilStopped() fails when the proxy ends by itself or breaks", async () => {
  const ended = run();
  ended.finished.resolve();
  await assertRejects(() => ended.code, Error, "stopped listening by itself");
  const broken = run();
  broken.finished.reject(new Error("broken"));
  await assertRejects(() => broken.code, Error, "broken");
});

// It comes last: serve drops permissions of this process.
Deno.test("serve listens for signals before it reads anything", async () => {
  const { io, handlers } = fakeIo();
  const readTextFile = () => {
    throw new UsageError([...handlers.keys()].sort().join(" "));
  };
  await assertRejects(
    () => serve.run(["--config=c.yaml"], { ...io, readTextFile }),
    UsageError,
    "SIGALRM SIGHUP SIGINT SIGQUIT SIGTERM SIGUSR1 SIGUSR2",
  );
  assertEquals(handlers.size, 0);
});
