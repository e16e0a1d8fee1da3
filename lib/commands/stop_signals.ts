/**
 * The signals that stop `serve`, and those that must not end it unasked.
 *
 * @module
 */
import type { Log } from "../system/log.ts";
import type { Io, Signal } from "../cli/command.ts";

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

/**
 * Calls back at each signal that stops.
 *
 * @param io where signals come from
 * @param log told of those that are ignored
 * @param stop called at each, but once for those that come together
 * @param now the time in milliseconds
 * @returns lets go of all signals
 */
export function onStopSignals(
  io: Pick<Io, "onSignal">,
  log: Log,
  stop: () => void,
  now: () => number = () => performance.now(),
): () => void {
  let last = -Infinity;
  const count = () => {
    const isSame = now() - last < SAME_MS;
    last = now();
    if (!isSame) stop();
  };
  const silence = [
    ...STOPPING.map((signal) => io.onSignal(signal, count)),
    ...IGNORED.map((signal) =>
      io.onSignal(signal, () => log.info("ignoring a signal", { signal }))
    ),
  ];
  return () => {
    for (const end of silence) end();
  };
}
