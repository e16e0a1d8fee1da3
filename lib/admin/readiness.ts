/**
 * Whether the proxy can do its work: checked on demand, at most once a second.
 *
 * @module
 */
import { messageOf } from "../cli/message.ts";
import { unforged } from "../system/log.ts";
import { atMostEvery } from "../system/memoize.ts";
import { deadline } from "../system/timers.ts";

/** What has happened to the rule so far. */
export interface RuleTally {
  /** How often it was found wrong and put right. */
  readonly repairs: number;
  /** How often it could not be looked at or changed. */
  readonly failures: number;
}

/** Shows the status of the rule, to those who may not change it. */
export interface RuleView {
  /** What has happened to it so far. */
  readonly tally: RuleTally;
  /**
   * Looks at it now; never fails, but may take as long as it likes.
   *
   * @returns what is wrong with it, in one line; `undefined` where it is in
   * place
   */
  fault(): Promise<string | undefined>;
}

/**
 * Finds out what is wrong with one thing that must work, in one line;
 * `undefined` where nothing is. It may take so many milliseconds.
 */
export type Check = (timeoutMs: number) => Promise<string | undefined>;

/** What was found. */
export interface Findings {
  /** Whether nothing is wrong. */
  readonly isReady: boolean;
  /** One line for each check: `upstream: ok`. */
  readonly text: string;
}

/** How long the checks may take, in milliseconds; kubelet waits 1 s or more. */
const ASK_MS = 2_000;

/**
 * How long findings are kept, in milliseconds: asking in a loop costs the
 * metadata service, which takes 1,024 packets a second, one request a second.
 */
const KEEP_MS = 1_000;

/**
 * Puts checks together.
 *
 * @param checks what must work, by its name
 * @returns runs all checks; everybody who asks meanwhile, or within
 * a second of their beginning, gets the same answer
 */
export function readiness(
  checks: Readonly<Record<string, Check>>,
): () => Promise<Findings> {
  return atMostEvery(KEEP_MS, () => look(checks));
}

async function look(
  checks: Readonly<Record<string, Check>>,
): Promise<Findings> {
  const faults = await Promise.all(Object.values(checks).map(faultOf));
  const lines = Object.keys(checks).map((name, i) =>
    `${name}: ${unforged(faults[i] ?? "ok")}\n`
  );
  const isReady = faults.every((fault) => fault === undefined);
  return { isReady, text: lines.join("") };
}

/**
 * Runs a check that may break or take too long.
 *
 * @returns what is wrong, in one line; `undefined` where nothing is
 */
export async function faultOf(check: Check): Promise<string | undefined> {
  try {
    const found = check(ASK_MS).then((fault) => ({ fault }));
    const late = { fault: `no answer within ${ASK_MS / 1000} s` };
    return (await deadline(found, ASK_MS) ?? late).fault;
  } catch (error) {
    return messageOf(error);
  }
}
