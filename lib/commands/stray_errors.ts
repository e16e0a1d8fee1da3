/**
 * Errors that nobody waits for, and warnings of Deno's own. A node without its
 * metadata service is worse off than one with a line in the log, so no error
 * ends the proxy.
 *
 * @module
 */
import type { Log } from "../observe/log.ts";
import { errorLine } from "./error_line.ts";

/**
 * `Deno.serve` tells by a request's signal that a client has left, and warns
 * that it is aborted after every success, too. That does no harm here, but an
 * executable (2.9.6) ignores --unstable-no-legacy-abort, which ends both.
 */
const KNOWN_WARNING = /request\.signal aborts on successful responses/;

/**
 * Logs errors that nothing caught instead of letting them end the process, and
 * what Deno would write to standard error in a form of its own.
 *
 * @param log the log
 * @returns lets them end the process again
 */
export function logStrayErrors(log: Log): () => void {
  const rejected = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log.error("stray rejection", { error: errorLine(event.reason) });
  };
  const thrown = (event: ErrorEvent) => {
    event.preventDefault();
    log.error("stray error", { error: errorLine(event.error) });
  };
  const { warn } = console;
  const warned = (text: unknown) => {
    if (!KNOWN_WARNING.test(String(text))) {
      log.warn("Deno warns", { text: errorLine(text) });
    }
  };
  globalThis.addEventListener("unhandledrejection", rejected);
  globalThis.addEventListener("error", thrown);
  Object.assign(console, { warn: warned });
  return () => {
    globalThis.removeEventListener("unhandledrejection", rejected);
    globalThis.removeEventListener("error", thrown);
    Object.assign(console, { warn });
  };
}
