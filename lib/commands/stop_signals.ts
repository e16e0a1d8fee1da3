/**
 * The signals of a program that serves: those that stop it, the one that reads
 * its configuration again, and those that must not end it.
 *
 * @module
 */
import type { Log } from "../observe/log.ts";
import { StopOrder } from "../system/stop_order.ts";
import type { Io, Signal } from "./command.ts";

/**
 * SIGALRM and SIGQUIT would end the process on the spot, and leave the rule or
 * the address behind.
 */
const STOPPING: readonly Signal[] = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGALRM",
];

/** They mean nothing here, and would do the same. */
const IGNORED: readonly Signal[] = ["SIGUSR1", "SIGUSR2"];

/**
 * A signal so soon after another is the same one, in milliseconds: timeout
 * sends its own to the process and then to the group.
 */
const SAME_MS = 250;

/** The signals of a program that serves, for as long as it is listened to. */
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
