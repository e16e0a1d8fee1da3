/**
 * The life of a proxy after it listens: wait for the order, drain, end.
 *
 * @module
 */
import type { Log } from "../observe/log.ts";
import type { Proxy } from "../proxy/proxy.ts";
import type { StopOrder } from "../system/stop_order.ts";
import { EXIT, type ExitCode } from "./command.ts";

/** How long requests in flight may take after the order. */
export const DRAIN_MS = 10_000;

/**
 * Waits until the proxy is told to stop. The order lets the requests in flight
 * end, for a bounded time; given once more, it drops them.
 *
 * @param proxy a proxy that listens
 * @param order the order to stop
 * @param log the log
 * @param drainMs how long the requests in flight may take, in milliseconds
 * @throws {Error} when the proxy ends by itself
 */
export async function runUntilStopped(
  proxy: Proxy,
  order: StopOrder,
  log: Log,
  drainMs = DRAIN_MS,
): Promise<ExitCode> {
  if (await Promise.race([order.given, proxy.finished]) !== "stop") {
    throw new Error("Cannot go on: the proxy stopped listening by itself");
  }
  log.info("stopping", { drain_seconds: drainMs / 1000 });
  if (!await order.within(drainMs, proxy.shutdown())) {
    log.warn("dropping the requests in flight", {
      reason: order.isForced ? "forced" : "late",
    });
    proxy.abort();
  }
  log.info("stopped");
  return EXIT.OK;
}
