/**
 * Which requests may come up to an upstream: those that were sent, once each.
 *
 * @module
 */
import { echoOf } from "./echo_upstream.ts";

/** As many cases later a request may go up whose client has vanished. */
const LATE = 4;

/** Cases over HTTP/2 whose requests may still be counted. */
const STREAMS = 32;

/** What of a case may still go up. */
export interface Due {
  /** Whether it is over for its client. */
  over: boolean;
}

interface Counted extends Due {
  readonly echoes: Map<string, number>;
  /** What was sent over HTTP/2, where requests are not taken apart. */
  readonly text: string;
  /** How many requests it may hold. */
  streams: number;
}

/** Counts what clients have sent and what of it has come up. */
export class DueRequests {
  readonly #late: number;
  /** The last cases, and those that came after one that is not over. */
  #due: readonly Counted[] = [];
  /** Older ones over HTTP/2, whose requests may have counted for others. */
  #streams: readonly Counted[] = [];

  /**
   * Expects nothing yet.
   *
   * @param clients how many ask at one time
   */
  constructor(clients: number) {
    this.#late = LATE * clients;
  }

  /**
   * Expects what a case sends. A request may come up late, and that of one
   * client may count for another's that is the same.
   *
   * @param expected the bytes that are to come up
   * @param text what is sent
   * @param streams how many requests it may hold, if it is not taken apart
   */
  expect(expected: readonly string[], text: string, streams: number): Due {
    const open = this.#due.findIndex(({ over }) => !over);
    const late = this.#due.length - this.#late + 1;
    const from = Math.max(0, open < 0 ? late : Math.min(open, late));
    const gone = this.#due.slice(0, from).filter((it) => it.streams > 0);
    this.#streams = [...this.#streams, ...gone].slice(-STREAMS);
    const due = { over: false, echoes: counted(expected), text, streams };
    this.#due = [...this.#due.slice(from), due];
    return due;
  }

  /**
   * Takes what came up for one of those expected.
   *
   * @param raw its bytes
   * @returns whether one was
   */
  take(raw: string): boolean {
    const echo = echoOf(raw);
    const left = (due: Counted) => due.echoes.get(echo) ?? 0;
    // For the oldest: those whose cases are not over yet are kept.
    const exact = this.#due.find((it) => left(it) > 0);
    if (exact !== undefined) {
      exact.echoes.set(echo, left(exact) - 1);
      return true;
    }
    const likely = [...this.#streams, ...this.#due]
      .find((it) => it.streams > 0 && isFrom(it.text, raw));
    if (likely !== undefined) likely.streams--;
    return likely !== undefined;
  }
}

function counted(expected: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of expected) {
    const echo = echoOf(text);
    counts.set(echo, (counts.get(echo) ?? 0) + 1);
  }
  return counts;
}

/** Whether the target that goes up is one the client has named. */
function isFrom(text: string, raw: string): boolean {
  const target = raw.slice(raw.indexOf(" ") + 1, raw.indexOf(" HTTP/1.1"));
  return text.includes(target) || text.includes(target.slice(1));
}
