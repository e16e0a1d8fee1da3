/**
 * Errors that nothing caught. A node without its metadata service is worse
 * off than one with a line in the log, so they do not end the proxy.
 *
 * @module
 */
import type { Log } from "../system/log.ts";
import { errorLine } from "./message.ts";

/**
 * Logs errors that nothing caught instead of letting them end the process.
 *
 * @param log the log
 * @returns cancels it
 */
export function logUnhandledErrors(log: Log): () => void {
  const rejected = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log.error("unhandled rejection", { error: errorLine(event.reason) });
  };
  const thrown = (event: ErrorEvent) => {
    event.preventDefault();
    log.error("unhandled error", { error: errorLine(event.error) });
  };
  globalThis.addEventListener("unhandledrejection", rejected);
  globalThis.addEventListener("error", thrown);
  return () => {
    globalThis.removeEventListener("unhandledrejection", rejected);
    globalThis.removeEventListener("error", thrown);
  };
}
