/**
 * The signals of a program that serves, and what follows the order to stop.
 *
 * @module
 */
import { EXIT, type ExitCode, type Io } from "../cli/command.ts";
import type { Proxy } from "../proxy/proxy.ts";
import type { Log } from "../system/log.ts";
import { DRAIN_MS, StopOrder } from "../system/stop_order.ts";

/**
 * SIGALRM and SIGQUIT would end the process on the spot, and leave the rule or
 * the address behind.
 */
const STOPPING: readonly Deno.Signal[] = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGALRM",
];

/** They mean nothing here, and would do the same. */
const IGNORED: readonly Deno.Signal[] = ["SIGUSR1", "SIGUSR2"];

/**
 * A signal so soon after another is the same one, in milliseconds: timeout
 * sends its own to the process and then to the group.
 */
const SAME_MS = 250;

/** The signals of a program that serves, until they are closed. */
export interface StopSignals {
  /** The order to stop that they give. */
  readonly order: StopOrder;
  /** Told of those that are ignored. */
  log?: Log;
  /** Called at SIGHUP; before it is set, there is nothing to read again. */
  reload?: () => void;
  /** Lets them end the process again. */
  close(): void;
}

/**
 * Listens for signals. That comes before anything else: until then each of
 * them ends the process.
 *
 * @param io where signals come from
 * @param now the time in milliseconds
 */
export function listenForSignals(
  io: Pick<Io, "onSignal">,
  now: () => number = () => performance.now(),
): StopSignals {
  let last = -Infinity;
  const order = new StopOrder();
  const stop = () => {
    const isSame = now() - last < SAME_MS;
    last = now();
    if (!isSame) order.give();
  };
  const cancels = [
    ...STOPPING.map((signal) => io.onSignal(signal, stop)),
    ...IGNORED.map((signal) =>
      io.onSignal(
        signal,
        () => signals.log?.info("ignoring a signal", { signal }),
      )
    ),
    io.onSignal("SIGHUP", () => signals.reload?.()),
  ];
  const signals: StopSignals = {
    order,
    close() {
      for (const cancel of cancels) cancel();
    },
  };
  return signals;
}

/**
 * Waits until the proxy is told to stop. The order lets the requests in flight
 * end, for a bounded time; given once more, it drops them.
 *
 * @param proxy a proxy that listens
 * @param order the order to stop
 * @param log the log
 * @throws {Error} when the proxy ends by itself
 */
export async function runUntilStopped(
  proxy: Pick<Proxy, "finished" | "shutdown" | "abort">,
  order: StopOrder,
  log: Log,
): Promise<ExitCode> {
  if (await Promise.race([order.given, proxy.finished]) !== "stop") {
    throw new Error("Cannot go on: the proxy stopped listening by itself");
  }
  log.info("stopping", { drain_seconds: DRAIN_MS / 1000 });
  if (!await order.within(DRAIN_MS, proxy.shutdown())) {
    log.warn("dropping the requests in flight", {
      reason: order.isForced ? "forced" : "late",
    });
    proxy.abort();
  }
  log.info("stopped");
  return EXIT.OK;
}
