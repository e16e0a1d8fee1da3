/**
 * Whether the proxy can do its work: checked on demand, at most once a second.
 *
 * @module
 */
import { deadline } from "../system/timers.ts";

/** One thing that must work. */
export interface Check {
  /** Its name, one word. */
  readonly name: string;
  /**
   * Checks it.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @returns what is wrong, in one line; `undefined` where nothing is
   */
  fault(timeoutMs: number): Promise<string | undefined>;
}

/** The result of one check. */
export interface Finding {
  /** The check's name. */
  readonly name: string;
  /** What is wrong, in one line; `undefined` where nothing is. */
  readonly fault: string | undefined;
}

/** How long the checks may take, in milliseconds; kubelet waits 1 s or more. */
export const ASK_MS = 2_000;

/**
 * How long a finding is kept, in milliseconds: asking in a loop costs the
 * metadata service, which takes 1,024 packets a second, one request a second.
 */
export const KEEP_MS = 1_000;

/** All checks together. */
export class Readiness {
  readonly #checks: readonly Check[];
  readonly #now: () => number;
  #pending: Promise<readonly Finding[]> | undefined;
  #last: readonly Finding[] = [];
  #lookedAt = -Infinity;

  /**
   * Checks nothing yet.
   *
   * @param checks what must work
   * @param now the clock, in milliseconds
   */
  constructor(
    checks: readonly Check[],
    now: () => number = () => performance.now(),
  ) {
    this.#checks = checks;
    this.#now = now;
  }

  /**
   * Runs all checks. Everybody who asks meanwhile, or within
   * {@linkcode KEEP_MS} of their beginning, gets the same answer.
   */
  async look(): Promise<readonly Finding[]> {
    if (this.#pending !== undefined) return await this.#pending;
    if (this.#now() - this.#lookedAt < KEEP_MS) return this.#last;
    this.#lookedAt = this.#now();
    this.#pending = Promise.all(this.#checks.map(finding));
    try {
      return this.#last = await this.#pending;
    } finally {
      this.#pending = undefined;
    }
  }
}

async function finding({ name, fault }: Check): Promise<Finding> {
  try {
    const found = fault(ASK_MS).then((it) => ({ name, fault: it }));
    return await deadline(found, ASK_MS) ??
      { name, fault: `no answer within ${ASK_MS / 1000} s` };
  } catch (error) {
    return { name, fault: String(error) };
  }
}

/**
 * Shows findings, one a line: `upstream: ok`.
 *
 * @param findings the findings
 */
export function renderFindings(findings: readonly Finding[]): string {
  return findings.map(({ name, fault = "ok" }) =>
    // A control character could forge a second line.
    `${name}: ${fault.replaceAll(/\p{Cc}/gu, "?")}\n`
  ).join("");
}
