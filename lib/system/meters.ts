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

/** How the metadata service fails. */
export const FAULTS = ["unreachable", "broken", "late"] as const;

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

/** Counts for as long as the process lives. */
export class Meters {
  /** How long the upstream took until the head of its answer. */
  readonly upstreamTime = new Histogram();
  /** Answers whose body the proxy changed. */
  rewritten = 0;
  /** Answers that were used again. */
  reused = 0;
  /** Requests that waited for the answer to another one like them. */
  shared = 0;
  /** Requests of the proxy's own that came back to it. */
  loops = 0;
  readonly #counts = new Map<string, number>();

  /** Counts an answer by the class of its status. */
  answered(status: number): void {
    this.#increase(`${Math.floor(status / 100)}xx`);
  }

  /** Counts a request that was turned away. */
  refused(status: number): void {
    this.#increase(`refused ${status}`);
  }

  /** Counts a failure of the upstream. */
  failed(fault: typeof FAULTS[number]): void {
    this.#increase(fault);
  }

  /** How many answers were of a class. */
  answersOf(statusClass: typeof STATUS_CLASSES[number]): number {
    return this.#counts.get(statusClass) ?? 0;
  }

  /** How many requests were turned away with a status. */
  refusalsOf(status: typeof REFUSALS[number]): number {
    return this.#counts.get(`refused ${status}`) ?? 0;
  }

  /** How often the upstream failed by a fault. */
  faultsOf(fault: typeof FAULTS[number]): number {
    return this.#counts.get(fault) ?? 0;
  }

  #increase(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
