/**
 * What the proxy counts: plain numbers, which cost an increment each, and are
 * read when somebody asks for them.
 *
 * @module
 */

/** The classes of status codes, by their first digit. */
export const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** The statuses of requests that the proxy itself turns away. */
export const REFUSALS = [400, 403, 405, 408, 413, 503, 505] as const;

/** What the metadata service fails by. */
export const FAULTS = ["unreachable", "broken", "late"] as const;

/** Takes how long something took. */
export interface Timings {
  /** Takes one time, in seconds. */
  observe(seconds: number): void;
}

/** Counts for as long as the process lives. */
export class Meters {
  /** How long the upstream took until the head of its answer. */
  readonly upstreamTime: Timings;
  /** Answers whose body the proxy changed. */
  rewritten = 0;
  /** Answers that were used again. */
  reused = 0;
  /** Requests that waited for the answer to another one like them. */
  shared = 0;
  /** Requests of the proxy's own that came back to it. */
  loops = 0;
  readonly #answers = new Map<number, number>();
  readonly #refused = new Map<number, number>();
  readonly #faults = new Map<string, number>();

  /**
   * Begins at nothing.
   *
   * @param upstreamTime takes the upstream's times
   */
  constructor(upstreamTime: Timings) {
    this.upstreamTime = upstreamTime;
  }

  /** Counts an answer by the class of its status. */
  answered(status: number): void {
    increase(this.#answers, Math.floor(status / 100));
  }

  /** Counts a request that was turned away. */
  refused(status: number): void {
    increase(this.#refused, status);
  }

  /** Counts a failure of the upstream. */
  failed(fault: typeof FAULTS[number]): void {
    increase(this.#faults, fault);
  }

  /** How many answers were of a class. */
  answersOf(statusClass: typeof STATUS_CLASSES[number]): number {
    return this.#answers.get(parseInt(statusClass)) ?? 0;
  }

  /** How many requests were turned away with a status. */
  refusalsOf(status: typeof REFUSALS[number]): number {
    return this.#refused.get(status) ?? 0;
  }

  /** How often the upstream failed by a fault. */
  faultsOf(fault: typeof FAULTS[number]): number {
    return this.#faults.get(fault) ?? 0;
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
