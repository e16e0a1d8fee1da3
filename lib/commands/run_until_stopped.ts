/**
 * The life of a proxy after it listens: wait for a signal, drain, end.
 *
 * @module
 */
import type { Log } from "../system/log.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { onStopSignals } from "./stop_signals.ts";
import { after } from "../system/timers.ts";

/** How long requests in flight may take after the first signal. */
export const DRAIN_MS = 10_000;

/**
 * Waits until the proxy is told to stop. The first signal lets the requests in
 * flight end, for a bounded time; the second drops them.
 *
 * @param proxy a proxy that listens
 * @param io where signals come from
 * @param log the log
 * @param drainMs how long the requests in flight may take, in milliseconds
 * @throws {Error} when the proxy ends by itself
 */
export async function runUntilStopped(
  proxy: Proxy,
  io: Pick<Io, "onSignal">,
  log: Log,
  drainMs = DRAIN_MS,
): Promise<ExitCode> {
  const first = Promise.withResolvers<"stopped">();
  const second = Promise.withResolvers<"forced">();
  let signals = 0;
  const count = () =>
    ++signals === 1 ? first.resolve("stopped") : second.resolve("forced");
  const silence = onStopSignals(io, log, count);
  try {
    const end = await Promise.race([first.promise, proxy.finished]);
    if (end !== "stopped") {
      throw new Error("Cannot go on: the proxy stopped listening by itself");
    }
    log.info("stopping", { drain_seconds: drainMs / 1000 });
    await drain(proxy, second.promise, log, drainMs);
    log.info("stopped");
    return EXIT.OK;
  } finally {
    silence();
  }
}

async function drain(
  proxy: Proxy,
  forced: Promise<"forced">,
  log: Log,
  drainMs: number,
): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const inTime = after(drainMs, () => late.resolve("late"));
  try {
    const how = await Promise.race([proxy.shutdown(), late.promise, forced]);
    if (how === undefined) return;
    log.warn("dropping the requests in flight", { reason: how });
    proxy.abort();
  } finally {
    inTime();
  }
}
