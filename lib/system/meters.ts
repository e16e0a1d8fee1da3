/**
 * What the proxy counts: plain numbers, which cost an increment each, and are
 * read when somebody asks for them.
 *
 * @module
 */

/** The upper bounds of a histogram's buckets, in seconds. */
const BOUNDS: readonly number[] = [
  ...[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02],
  ...[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, Infinity],
];

/** How long something took, how often. */
export class Histogram {
  /** The sum of all times, in seconds. */
  sum = 0;
  readonly #counts = BOUNDS.map(() => 0);

  /** How many times were taken. */
  get count(): number {
    return this.#counts.reduce((all, one) => all + one, 0);
  }

  /** Takes one time, in seconds. */
  observe(seconds: number): void {
    this.sum += seconds;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** How many times were no longer than each bound; the last is infinite. */
  buckets(): readonly (readonly [bound: number, count: number])[] {
    let count = 0;
    return BOUNDS.map((bound, i) => [bound, count += this.#counts[i] ?? 0]);
  }
}

/** How often each of some things happened. */
export class Counter {
  /** The numbers by what was counted; what may happen is there from the start. */
  readonly counts: Map<string | number, number>;

  /**
   * Begins at 0.
   *
   * @param names what may happen
   */
  constructor(...names: readonly (string | number)[]) {
    this.counts = new Map(names.map((name) => [name, 0]));
  }

  /** Counts one. */
  add(name: string | number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

/** Counts for as long as the process lives. */
export class Meters {
  /** How long the upstream took until the head of its answer. */
  readonly upstreamTime = new Histogram();
  /** Answers by the class of their status. */
  readonly answers = new Counter("1xx", "2xx", "3xx", "4xx", "5xx");
  /** Requests that the proxy itself turned away, by the status. */
  readonly refusals = new Counter(400, 403, 405, 408, 413, 503, 505);
  /** Requests that the metadata service failed, by how. */
  readonly faults = new Counter("unreachable", "broken", "late");
  /** Answers whose body the proxy changed. */
  rewritten = 0;
  /** Answers that were used again. */
  reused = 0;
  /** Requests that waited for the answer to another one like them. */
  shared = 0;
  /** Requests of the proxy's own that came back to it. */
  loops = 0;
}
