/**
 * Looking again and again, until a deadline.
 *
 * @module
 */
import { delay } from "../system/timers.ts";

/** A clock that only goes on, and can be waited on. */
export interface Clock {
  /** The time, in milliseconds since some moment. */
  now(): number;
  /** Waits. */
  pause(ms: number): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  pause: delay,
};

/** The pause between two looks. */
const PAUSE_MS = 1_000;

/** A look needs so much time; answers of this node come within a few ms. */
const LOOK_MS = 250;

/**
 * Looks until what is seen is good or time is up; once in any case.
 *
 * @param look looks, and is over by a time of the clock
 * @param isGood whether that is what was waited for
 * @param waitMs how long all may take; 0 looks once, within `onceMs`
 * @param onceMs how long a single look may take
 * @returns what was seen last; a last look that was cut short counts only if
 * it is good
 */
export async function lookUntil<Seen>(
  look: (until: number) => Promise<Seen>,
  isGood: (seen: Seen) => boolean,
  { waitMs, onceMs, clock }: {
    readonly waitMs: number;
    readonly onceMs: number;
    readonly clock: Clock;
  },
): Promise<Seen> {
  const end = clock.now() + (waitMs === 0 ? onceMs : waitMs);
  let seen = await look(end);
  while (waitMs > 0 && !isGood(seen)) {
    const left = end - clock.now();
    if (left <= LOOK_MS) break;
    await clock.pause(Math.min(PAUSE_MS, left - LOOK_MS));
    const next = await look(end);
    if (isGood(next) || clock.now() < end) seen = next;
  }
  return seen;
}
