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
  /** What it surely does to some. */
  readonly shows?: What | undefined;
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

/** What no fault explains, and what a fault must do and nobody noticed. */
export function misfits(
  events: readonly Event[],
  failures: readonly Failure[],
): string[] {
  const caused = attribute(events, failures);
  const stray = Map.groupBy(
    caused.get(undefined) ?? [],
    ({ client, what }) => `${client}: ${what}`,
  );
  const felt = new Set(
    [...caused].flatMap(([event, some]) =>
      some.map(({ what }) => `${event?.name}: ${what}`)
    ),
  );
  const unnoticed = events.filter(({ name, shows }) =>
    shows !== undefined && !felt.has(`${name}: ${shows}`)
  );
  return [
    ...[...stray].map(([kind, [first, ...rest]]) =>
      `No fault explains ${rest.length + 1} times "${kind}", first at ${
        new Date(first?.from ?? 0).toISOString()
      } for ${first?.path}`
    ),
    ...new Set(unnoticed.map(({ name }) => `No client noticed "${name}"`)),
  ];
}

/** The processes' own memory grows until then, in looks of a second. */
const WARM_UP = 15;

/** Fewer looks say nothing. */
const LEAST = 25;

/**
 * The most that the last quarter may be over the first one, in MB: the two
 * halves of V8's young generation, which grow to 16 MB each where there is work.
 */
const MOST_GROWTH = 32;

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
  const warm = looks.slice(WARM_UP);
  if (warm.length < LEAST) {
    const course = `${name}: watched for ${looks.length} s, too short to tell`;
    return { problem: course, course };
  }
  const quarter = warm.length >> 2;
  const [first, last] = [warm.slice(0, quarter), warm.slice(-quarter)]
    .map((part) => part.toSorted((a, b) => a - b)[part.length >> 1] ?? 0);
  const course = `${name}: from ${first?.toFixed(1)} to ${
    last?.toFixed(1)
  } MB of its own`;
  return (last ?? 0) - (first ?? 0) > MOST_GROWTH
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
