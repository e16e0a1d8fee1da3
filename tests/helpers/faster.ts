/**
 * A test's own process in a hurry, for waits that are too long to be waited
 * for.
 *
 * @module
 */
import { delay } from "../../lib/system/timers.ts";

/** Waits until something holds, however fast the clock runs. */
export async function untilTrue(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * Makes the clock that lib/system/timers.ts goes by, and its alarm, run faster
 * until it is disposed of.
 *
 * @param times how many times as fast
 */
export async function faster(times: number): Promise<Disposable> {
  // An alarm that is kept was set by the real clock.
  await delay(0);
  const { timeout } = AbortSignal;
  const real = () => Performance.prototype.now.call(performance);
  const began = real();
  performance.now = () => began + (real() - began) * times;
  AbortSignal.timeout = (ms) =>
    timeout.call(AbortSignal, Math.ceil(ms / times));
  return {
    [Symbol.dispose]() {
      Reflect.deleteProperty(performance, "now");
      AbortSignal.timeout = timeout;
    },
  };
}
