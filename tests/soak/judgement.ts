/**
 * What of a soak is not as it must be, one line each: pure decisions on what
 * was seen.
 *
 * @module
 */
import type { Attribution } from "./attribution.ts";
import type { Event } from "./chaos.ts";
import { type Course, JUDGED_SECONDS } from "./memory.ts";

/** What no fault explains, by client and kind. */
export function unexplained({ unexplained }: Attribution): string[] {
  const kinds = Map.groupBy(
    unexplained,
    ({ client, what }) => `${client}: ${what}`,
  );
  return [...kinds].map(([kind, [first, ...rest]]) =>
    `No fault explains ${rest.length + 1} times "${kind}", first from ${
      new Date(first?.from ?? 0).toISOString()
    } to ${new Date(first?.to ?? 0).toISOString()} for ${first?.path}`
  );
}

/** Faults that must be felt and were not: then the clients are blind. */
export function unnoticed(
  events: readonly Event[],
  { explained }: Attribution,
): string[] {
  const felt = new Set(
    explained.flatMap(({ fault, failures }) =>
      failures.map(({ what }) => `${fault.name}: ${what}`)
    ),
  );
  const expected = events.filter(({ shows }) => shows !== undefined)
    .map(({ name, shows }) => `${name}: ${shows}`);
  return [...new Set(expected)].filter((it) => !felt.has(it))
    .map((it) => `No client noticed "${it}"`);
}

/** The clients that ask without a break. */
const CLIENTS = [
  "kept connections",
  "kept connections, IMDSv2",
  "new connections",
  "new connections, IMDSv2",
  "curl",
];

/** Clients that never got what they asked for. */
export function unanswered(well: Readonly<Record<string, number>>): string[] {
  return CLIENTS.filter((name) => (well[name] ?? 0) === 0)
    .map((name) => `Never answered: ${name}`);
}

/**
 * Processes whose memory was not judged although there was time.
 *
 * @param seconds for how long faults were injected
 */
export function unjudged(
  seconds: number,
  courses: Readonly<Record<string, Course>>,
): string[] {
  if (seconds < JUDGED_SECONDS) return [];
  return Object.entries(courses).filter(([, { judged }]) => !judged)
    .map(([name, { seconds }]) =>
      `Memory of the ${name} was watched for ${seconds} s: too short to tell`
    );
}

/** Processes whose memory grew. */
export function grown(courses: Readonly<Record<string, Course>>): string[] {
  return Object.entries(courses).filter(([, { grew }]) => grew)
    .map(([name, { first, last }]) =>
      `Memory of the ${name} grew from ${first.toFixed(1)} to ${
        last.toFixed(1)
      } MB`
    );
}

/** What the program may say of the faults that are injected. */
const KNOWN = [
  "the proxy died",
  "the proxy does not react, ending it",
  "the listener failed",
  "cannot listen again",
  "configuration unchanged",
];

/** Errors in the log that no fault leads to. */
export function strayErrors(log: string): string[] {
  return log.split("\n").filter((line) => {
    const [, message] = /^\S+ error (.*)/.exec(line) ?? [];
    return message !== undefined &&
      !KNOWN.some((known) => message.startsWith(known));
  });
}
