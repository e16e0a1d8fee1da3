/**
 * The clock that lib/system/timers.ts goes by, in the hands of a test: no test
 * waits, and none depends on how busy the machine is.
 *
 * @module
 */
import { delay } from "../../lib/system/timers.ts";

/** A clock that stands still until it is moved; disposing of it ends that. */
export interface StoppedClock extends Disposable {
  /** Moves it by so many milliseconds, and calls what is due then. */
  advance(ms: number): void;
}

/** For worlds with real sockets and processes: the test says when time passes. */
export function stopClock(): Promise<StoppedClock> {
  return takeClock(false);
}

/**
 * For worlds in memory: each time nothing else is left to do, the clock moves
 * to the next moment that somebody waits for.
 */
export function skipWaits(): Promise<Disposable> {
  return takeClock(true);
}

async function takeClock(skips: boolean): Promise<StoppedClock> {
  const { timeout } = AbortSignal;
  let now = Math.ceil(performance.now());
  /** There is one at a time. */
  let alarm: { readonly at: number; readonly ring: () => void } | undefined;
  let turn: ReturnType<typeof setTimeout> | undefined;
  performance.now = () => now;
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    const at = now + ms;
    const ring = () => {
      alarm = undefined;
      now = at;
      controller.abort();
    };
    alarm = { at, ring };
    clearTimeout(turn);
    // A turn of the event loop comes after all that settled promises lead to.
    if (skips) turn = setTimeout(ring, 0);
    return controller.signal;
  };
  // Whoever waits already goes by this clock from here on.
  const taken = delay(0);
  alarm?.ring();
  await taken;
  return {
    advance(ms) {
      const end = now + ms;
      while (alarm !== undefined && alarm.at <= end) alarm.ring();
      now = end;
    },
    [Symbol.dispose]() {
      Reflect.deleteProperty(performance, "now");
      AbortSignal.timeout = timeout;
      clearTimeout(turn);
      // Whoever still waits goes by the real clock from here on.
      alarm?.ring();
    },
  };
}
