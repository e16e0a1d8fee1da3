/**
 * Lets a server answer in every way, and compares what our client of the
 * upstream understands with what `node:http` does.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { TimeLimit } from "../../lib/proxy/upstream/time_limit.ts";
import { Upstream } from "../../lib/proxy/upstream/upstream.ts";
import { UpstreamError } from "../../lib/proxy/upstream/upstream_error.ts";
import { textOf } from "../helpers/raw.ts";
import { createRandom } from "../helpers/random.ts";
import { type MadeAnswer, makeAnswer } from "./answer_grammar.ts";
import { mutate, pieces } from "./mutate.ts";
import { askByNode, type Understood } from "./node_client.ts";
import { type Script, startScripted } from "./scripted_server.ts";
import { again, type Seeds } from "./settings.ts";
import { shrunk } from "./shrink.ts";

/** How long an answer may take; some take it all. */
const TIMEOUT_MS = 2_000;

/** The same where a service is silent on purpose. */
const SILENT_MS = 50;

/** What may pass beyond that on a busy machine, in milliseconds. */
const SLACK_MS = 2_000;

const HANGS = "hangs";

/** Clients at the same time. */
const LANES = 8;

/** Larger than any body that is made. */
const ALL = 1 << 20;

/** One answer, and how it comes. */
interface Case {
  readonly seed: number;
  readonly method: "GET" | "HEAD";
  readonly text: string;
  readonly script: Script;
  /** What it was before it was damaged. */
  readonly right: MadeAnswer | undefined;
  /** Whether the service never ends it, and nothing but time does. */
  readonly silent: boolean;
}

/** What was counted. */
interface Tally {
  right: number;
  accepted: number;
  stricter: number;
  silent: number;
}

function caseOf(seed: number): Case {
  const random = createRandom(seed);
  const method = random.int(12) === 0 ? "HEAD" : "GET";
  const made = makeAnswer(random, method);
  const damaged = random.int(2) === 0;
  const text = damaged
    ? mutate(random, made.text, () => makeAnswer(random, method).text)
    : made.text;
  const silent = damaged && random.int(100) === 0;
  const cut = pieces(random, text);
  // Surplus comes with the last bytes, or it may come at any time later.
  const last = `${cut.at(-1) ?? ""}${damaged ? "" : made.surplus}`;
  return {
    seed,
    method,
    text,
    right: damaged ? undefined : made,
    silent,
    script: {
      pieces: text === "" ? [] : [...cut.slice(0, -1), last],
      ends: !silent && (damaged || made.byEnd || random.int(8) === 0),
      spoils: !damaged && made.surplus !== "",
    },
  };
}

/** RFC 9110, 5.5 allows a tab behind a value; `node:http` stumbles there. */
const TAB =
  /\r\n(?:Content-Length:[ \t]*\d+|Transfer-Encoding:[ \t]*chunked)[ \t]*\t/i;

const NOTHING: Script = { pieces: [], ends: false, spoils: false };

/** A client and its server. */
class Lane implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #server = this.#stack.use(
    startScripted((target) => target === "/next" ? this.#next : this.#script),
  );
  readonly #upstream = new Upstream(this.#server.address);
  #script = NOTHING;
  #next = NOTHING;

  async [Symbol.asyncDispose](): Promise<void> {
    this.#upstream.close();
    await this.#stack.disposeAsync();
  }

  /**
   * Tries a case.
   *
   * @returns what was wrong, if anything
   */
  async try(given: Case, tally: Tally): Promise<string | undefined> {
    const { method, script, right, silent, seed } = given;
    const next = `next ${seed}`;
    this.#script = script;
    this.#next = {
      ...NOTHING,
      pieces: [
        `HTTP/1.1 200 OK\r\nContent-Length: ${next.length}\r\n\r\n${next}`,
      ],
    };
    const timeoutMs = silent ? SILENT_MS : TIMEOUT_MS;
    const ours = await this.#ask(method, "/case", timeoutMs);
    if (ours === HANGS) return `hangs: ${JSON.stringify(given.text)}`;
    const after = await this.#ask("GET", "/next", TIMEOUT_MS);
    if (typeof after === "string" || after.body !== next) {
      return `another's answer: ${JSON.stringify(after)}`;
    }
    if (this.#server.reused.length > 0) return "reuses: a spoilt connection";
    if (silent) tally.silent++;
    const nodes = await askByNode(
      this.#server.address,
      method,
      "/case",
      timeoutMs,
    );
    if (right !== undefined) {
      tally.right++;
      const { status, headers, body } = right;
      const expected = { status, headers, body };
      if (!areEqual(ours, expected)) {
        return `misread: ${told(ours)} for ${told(expected)}`;
      }
    }
    if (typeof ours === "string") {
      if (typeof nodes !== "string") tally.stricter++;
      return undefined;
    }
    if (TAB.test(given.text)) return undefined;
    tally.accepted++;
    return areEqual(ours, nodes)
      ? undefined
      : `differs: ${told(ours)} and ${told(nodes)}`;
  }

  /** Never waits longer than a client of ours may take. */
  async #ask(
    method: string,
    target: string,
    timeoutMs: number,
  ): Promise<Understood | string> {
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve(HANGS), 2 * timeoutMs + SLACK_MS);
    try {
      return await Promise.race([this.#send(method, target, timeoutMs), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(
    method: string,
    target: string,
    timeoutMs: number,
  ): Promise<Understood | string> {
    using limit = new TimeLimit(timeoutMs);
    try {
      const answer = await this.#upstream.send(
        { method, target, headers: [["host", "h"]], body: undefined },
        limit,
      );
      const { bytes, whole } = await answer.body.start(ALL);
      if (!whole) return "larger than what was sent";
      return {
        status: answer.status,
        headers: answer.headers,
        body: textOf(bytes),
      };
    } catch (error) {
      if (error instanceof UpstreamError) return error.message;
      throw error;
    }
  }
}

/** What matters stands at the start or at the end. */
function told(outcome: unknown): string {
  const text = JSON.stringify(outcome);
  return text.length < 1_000
    ? text
    : `${text.slice(0, 500)}[…]${text.slice(-500)}`;
}

function areEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Tries the cases of some seeds.
 *
 * @throws {Error} with the least bytes that fail in the same way
 */
export async function fuzzAnswers({ first, count }: Seeds): Promise<void> {
  const tally: Tally = { right: 0, accepted: 0, stricter: 0, silent: 0 };
  let failed: { readonly of: Case; readonly why: string } | undefined;
  const run = async (number: number): Promise<void> => {
    await using lane = new Lane();
    for (let seed = first + number; seed < first + count; seed += LANES) {
      if (failed !== undefined) return;
      const of = caseOf(seed);
      const why = await lane.try(of, tally);
      if (why !== undefined) failed ??= { of, why };
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => run(i)));
  if (failed !== undefined) throw await explained(failed.of, failed.why, tally);
  if (count < 1_000) return;
  assert(tally.right > count / 4, `${tally.right} were right`);
  assert(tally.accepted > tally.right, `${tally.accepted} were accepted`);
  assertEquals(tally.silent > 0, true);
}

async function explained(of: Case, why: string, tally: Tally): Promise<Error> {
  const kind = why.slice(0, why.indexOf(":"));
  let least = why;
  const fails = async (text: string): Promise<boolean> => {
    await using lane = new Lane();
    const found = await lane.try({
      ...of,
      text,
      right: undefined,
      script: { ...of.script, pieces: [text], ends: !of.silent },
    }, tally);
    if (!found?.startsWith(`${kind}:`)) return false;
    least = found;
    return true;
  };
  const whole = of.script.pieces.join("");
  const text = await fails(whole) ? await shrunk(whole, fails) : whole;
  return new Error(
    `seed ${of.seed}: ${least}\nleast bytes: ${
      JSON.stringify(text.slice(0, 3_000))
    }\nagain with: ${again(of.seed)}`,
  );
}
