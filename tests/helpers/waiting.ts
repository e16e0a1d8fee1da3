/**
 * Clients that leave when a test says so.
 *
 * @module
 */
import type { Waiting } from "../../lib/proxy/upstream/time_limit.ts";

/** Waits until a signal is aborted. */
export function waitingUntil(signal: AbortSignal): Waiting {
  return (onLeave) => {
    signal.addEventListener("abort", onLeave);
    if (signal.aborted) onLeave();
    return () => signal.removeEventListener("abort", onLeave);
  };
}
