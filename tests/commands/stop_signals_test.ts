import { assertEquals, assertMatch } from "@std/assert";
import type { Signal } from "../../lib/commands/command.ts";
import { listenForSignals } from "../../lib/commands/stop_signals.ts";
import { createLog } from "../../lib/observe/log.ts";

/** Listens, and gives the means to send signals at a time. */
function listen() {
  const handlers = new Map<Signal, () => void>();
  const lines: string[] = [];
  let time = 0;
  const signals = listenForSignals({
    onSignal(signal, handler) {
      handlers.set(signal, handler);
      return () => handlers.delete(signal);
    },
  }, () => time);
  signals.log = createLog({
    level: "info",
    format: "text",
    write: (line) => lines.push(line),
  });
  const send = (signal: Signal, at: number) => {
    time = at;
    handlers.get(signal)?.();
  };
  return { handlers, lines, signals, send };
}

Deno.test("listenForSignals() takes signals that come together for one", () => {
  const { handlers, signals, send } = listen();
  send("SIGTERM", 0);
  send("SIGTERM", 100);
  assertEquals([signals.order.isGiven, signals.order.isForced], [true, false]);
  send("SIGINT", 400);
  assertEquals(signals.order.isForced, true);
  signals.close();
  assertEquals(handlers.size, 0);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGALRM"] as const) {
  Deno.test(`listenForSignals() stops at ${signal}`, () => {
    const { signals, send } = listen();
    send(signal, 0);
    assertEquals(signals.order.isGiven, true);
  });
}

Deno.test("listenForSignals() ignores what means nothing, and says so", () => {
  const { lines, signals, send } = listen();
  send("SIGUSR1", 0);
  send("SIGUSR2", 1_000);
  assertEquals(signals.order.isGiven, false);
  assertEquals(lines.length, 2);
  assertMatch(lines[0] ?? "", /info ignoring a signal signal=SIGUSR1\n$/);
});

Deno.test("listenForSignals() takes SIGHUP before there is anything to read again", () => {
  const { signals, send } = listen();
  send("SIGHUP", 0);
  let times = 0;
  signals.reload = () => times++;
  send("SIGHUP", 1);
  assertEquals([times, signals.order.isGiven], [1, false]);
});
