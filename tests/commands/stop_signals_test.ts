import { assertEquals, assertMatch } from "@std/assert";
import type { Signal } from "../../lib/cli/command.ts";
import { onStopSignals } from "../../lib/commands/stop_signals.ts";
import { createLog } from "../../lib/system/log.ts";

/** Listens, and gives the means to send signals at a time. */
function listen() {
  const handlers = new Map<Signal, () => void>();
  const world = { stops: 0, lines: [] as string[], now: 0, handlers };
  const silence = onStopSignals(
    {
      onSignal(signal, handler) {
        handlers.set(signal, handler);
        return () => handlers.delete(signal);
      },
    },
    createLog({
      level: "info",
      format: "text",
      write: (line) => world.lines.push(line),
    }),
    () => world.stops++,
    () => world.now,
  );
  const send = (signal: Signal, at: number) => {
    world.now = at;
    handlers.get(signal)?.();
  };
  return { world, send, silence };
}

Deno.test("onStopSignals() takes signals that come together for one", () => {
  const { world, send, silence } = listen();
  send("SIGTERM", 0);
  send("SIGTERM", 100);
  assertEquals(world.stops, 1);
  send("SIGINT", 400);
  send("SIGINT", 401);
  assertEquals(world.stops, 2);
  silence();
  assertEquals(world.handlers.size, 0);
});

Deno.test("onStopSignals() stops at what would end the process on the spot", () => {
  const { world, send } = listen();
  send("SIGQUIT", 0);
  send("SIGALRM", 1_000);
  assertEquals(world.stops, 2);
});

Deno.test("onStopSignals() ignores what means nothing, and says so", () => {
  const { world, send } = listen();
  send("SIGUSR1", 0);
  send("SIGUSR2", 1_000);
  assertEquals(world.stops, 0);
  assertEquals(world.lines.length, 2);
  assertMatch(world.lines[0] ?? "", /info ignoring a signal signal=SIGUSR1\n$/);
});
