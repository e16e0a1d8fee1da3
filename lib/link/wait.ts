/**
 * Waiting with an end, which leaves no timer behind.
 *
 * @module
 */
import { after } from "../system/timers.ts";

/** Waits for a promise that never rejects, but not for ever. */
export async function within(
  promise: Promise<void>,
  ms: number,
): Promise<void> {
  const late = new AbortController();
  await Promise.race([promise, wait(ms, late.signal)]);
  late.abort();
}

/** Waits some milliseconds, or until it is told to stop waiting. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      over();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const over = after(ms, end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
