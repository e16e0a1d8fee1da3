/**
 * Whether memory stays where it is: a pure decision on what was seen.
 *
 * @module
 */
import type { Vitals } from "./vitals.ts";

/** How long a process takes to have met most of what it will, in milliseconds. */
const WARM_UP_MS = 15_000;

/** Less than this after the warm-up says nothing about growth, in milliseconds. */
const SHORTEST_MS = 25_000;

/**
 * From this on, a soak must judge both processes, in seconds: no child dies
 * after a third of it, and what is left is enough.
 */
export const JUDGED_SECONDS = 60;

/**
 * The most that the middle of the last quarter may be over the middle of the
 * first one after the warm-up, in MB: the two halves of V8's young generation,
 * which grow to 16 MB each where there is work.
 */
const MOST_GROWTH = 32;

/** How the memory of one process went. */
export interface Course {
  /** For how long it was looked at after the warm-up, in seconds. */
  readonly seconds: number;
  /** The middle of the first quarter after the warm-up, in MB of its own. */
  readonly first: number;
  /** The middle of the last quarter, in MB of its own. */
  readonly last: number;
  /** The most at any time, in MB RSS. */
  readonly peak: number;
  /** Whether it lasted long enough to tell. */
  readonly judged: boolean;
  /** Whether that could be told, and it grew too much. */
  readonly grew: boolean;
}

/**
 * Judges the process that was seen last.
 *
 * @param seen looks at one process after another
 */
export function courseOf(seen: readonly Vitals[]): Course {
  const last = seen.at(-1);
  const own = seen.filter(({ pid }) => pid === last?.pid);
  const start = (own[0]?.at ?? 0) + WARM_UP_MS;
  const warm = own.filter(({ at }) => at >= start);
  const some = warm.length < 4 ? own : warm;
  const quarter = Math.max(1, Math.floor(some.length / 4));
  const lasted = (some.at(-1)?.at ?? 0) - (some[0]?.at ?? 0);
  const course = {
    seconds: Math.round(lasted / 1_000),
    first: middle(some.slice(0, quarter).map(({ own }) => own)),
    last: middle(some.slice(-quarter).map(({ own }) => own)),
    peak: Math.max(...seen.map(({ rss }) => rss)),
  };
  const judged = warm.length >= 4 && lasted >= SHORTEST_MS;
  const grew = judged && course.last - course.first > MOST_GROWTH;
  return { ...course, judged, grew };
}

/** The middle one of some numbers. */
export function middle(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
