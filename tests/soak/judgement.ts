/**
 * What of a soak is not as it must be: pure decisions on what was seen.
 *
 * @module
 */

/**
 * What can happen to a client:
 * - `real`: an answer with the real region, which no fault may lead to;
 * - `refused`: no connection;
 * - `lost`: a connection that broke with a request on it;
 * - `late`: no answer in time;
 * - `status N`: an answer with another status than the service's;
 * - `wrong`: an answer with another body.
 */
export type What =
  | "real"
  | "refused"
  | "lost"
  | "late"
  | `status ${number}`
  | "wrong";

/** A span of time, in milliseconds since 1970. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a client met; the cause lies within its span. */
export interface Failure extends Span {
  /** Which client. */
  readonly client: string;
  /** What happened. */
  readonly what: What;
  /** What it asked for. */
  readonly path: string;
}

/** A fault that was injected, from the first step to the last repair. */
export interface Event extends Span {
  /** What it is called. */
  readonly name: string;
  /** What it may do to clients. */
  readonly allowed: readonly What[];
}

/**
 * Finds the cause of every failure.
 *
 * @param events what was injected
 * @param failures what clients met
 * @returns the failures of each event, those without a cause under `undefined`
 */
export function attribute(
  events: readonly Event[],
  failures: readonly Failure[],
): ReadonlyMap<Event | undefined, readonly Failure[]> {
  return Map.groupBy(
    failures,
    ({ what, from, to }) =>
      events.find((event) =>
        event.allowed.includes(what) && event.from <= to && from <= event.to
      ),
  );
}

/** What no fault explains. */
export function misfits(
  events: readonly Event[],
  failures: readonly Failure[],
): string[] {
  const stray = Map.groupBy(
    attribute(events, failures).get(undefined) ?? [],
    ({ client, what }) => `${client}: ${what}`,
  );
  return [...stray].map(([kind, [first, ...rest]]) =>
    `No fault explains ${rest.length + 1} times "${kind}", first at ${
      new Date(first?.from ?? 0).toISOString()
    } for ${first?.path}`
  );
}

/** From so many looks on, memory is judged. */
const LEAST = 30;

/**
 * The most that the last third may be over the first one, in MB. With 150
 * requests a second and no fault, 25 MB become 43 in five minutes, and stay:
 * the live objects are 9.5 MB all the time, the rest is V8's young generation
 * and what it has not collected yet.
 */
const MOST_GROWTH = 24;

/**
 * Whether memory stays where it is.
 *
 * @param name whose
 * @param looks at its own memory, one a second, in MB
 * @returns what is wrong, and how it went
 */
export function memoryOf(
  name: string,
  looks: readonly number[],
): { readonly problem?: string; readonly course: string } {
  const third = Math.floor(looks.length / 3);
  const [first = 0, last = 0] = [looks.slice(0, third), looks.slice(-third)]
    .map((part) => part.toSorted((a, b) => a - b)[part.length >> 1]);
  const course = `${name}: from ${first.toFixed(1)} to ${
    last.toFixed(1)
  } MB of its own in ${looks.length} s`;
  if (looks.length < LEAST) return { problem: `Too short: ${course}`, course };
  return last - first > MOST_GROWTH
    ? { problem: `Memory grew, ${course}`, course }
    : { course };
}

/** What the program may say of the faults that are injected. */
const KNOWN =
  /^(?:clients do not reach the proxy|the proxy died|the proxy does not react|the listener failed|cannot listen again|configuration unchanged)/;

/** Errors in the log that no fault leads to. */
export function strayErrors(log: string): string[] {
  return log.split("\n").filter((line) => {
    const [, message] = /^\S+ error (.*)/.exec(line) ?? [];
    return message !== undefined && !KNOWN.test(message);
  });
}
