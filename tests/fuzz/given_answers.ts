/**
 * Judges answers that were given before: whether they might be given again.
 *
 * @module
 */
import { valuesOf } from "../helpers/raw.ts";
import type { ReadAnswer } from "./answers_read.ts";
import { SERIAL } from "./echo_upstream.ts";
import { PERSONAL_TARGETS } from "./repeated_requests.ts";

/** What a machine may stand still between an answer and its place in memory. */
const SLACK_MS = 3_000;

/** docs/performance.md says what is never given again. */
const NEVER_AGAIN: readonly number[] = [401, 403, 429, 500, 503];
const OWN = /^(?:range|if-[^:]*|authorization|cookie): /m;
const TOKEN = /^x-aws-ec2-metadata-token: (.*)\r$/m;

/** A request that was answered. */
export interface Answered {
  /** The bytes that were to go up for it, one character each. */
  readonly expected: string;
  /** When its client began to send, on the clock of `performance`. */
  readonly began: number;
  /** Its answer. */
  readonly answer: ReadAnswer;
}

/** When a token was refused. */
interface Refused {
  /** When it was shown. */
  readonly began: number;
  /** When its client heard. */
  readonly told: number;
}

/** Remembers what one upstream's answers were given for. */
export class GivenAnswers {
  /** How many answers were given again. */
  again = 0;
  readonly #lifeMs: number;
  /** When each answer was given first, by its serial number. */
  readonly #given = new Map<string, number>();
  readonly #refused = new Map<string | undefined, Refused>();

  /**
   * Remembers nothing yet.
   *
   * @param lifeMs how long answers may be given again, in milliseconds; 0 for
   * never
   */
  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /**
   * Takes note of an answer of the upstream's.
   *
   * @returns why it must not have been given, if it was given before
   */
  judge({ expected, began, answer }: Answered): string | undefined {
    const now = performance.now();
    const [serial = ""] = valuesOf(answer, SERIAL);
    const head = expected.slice(0, expected.indexOf("\r\n\r\n") + 2);
    const [, token] = TOKEN.exec(head) ?? [];
    const first = this.#given.get(serial);
    if (first === undefined) {
      this.#given.set(serial, now);
      if (answer.status === 401) this.#refused.set(token, { began, told: now });
      return undefined;
    }
    this.again++;
    if (this.#lifeMs === 0) return "an answer again, where none is shared";
    const [method, target = ""] = head.split(" ", 2);
    if (method !== "GET") return `an answer again to ${method}`;
    if (PERSONAL_TARGETS.includes(target)) return "a secret again";
    if (OWN.test(head)) return "an answer again to a request of its own";
    // Who asked while it was on its way shared it, whatever it said.
    if (began <= first) return undefined;
    if (NEVER_AGAIN.includes(answer.status)) {
      return `status ${answer.status} again`;
    }
    if (valuesOf(answer, "cache-control").length > 0) return "no-store again";
    if (began - first > this.#lifeMs + SLACK_MS) return "an old answer again";
    const refused = this.#refused.get(token);
    if (
      refused !== undefined && first < refused.began && began > refused.told
    ) return "an answer again under a refused token";
    return undefined;
  }
}
