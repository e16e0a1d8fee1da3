/**
 * Sends bytes to a proxy of its own and judges all that comes of them.
 *
 * @module
 */
import { Meters } from "../../lib/system/meters.ts";
import { bytesOf, textOf } from "../helpers/raw.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import {
  type AnswersRead,
  type ReadAnswer,
  readAnswers,
} from "./answers_read.ts";
import { DueRequests } from "./due_requests.ts";
import {
  ECHO,
  echoOf,
  type EchoUpstream,
  REAL_BODY,
  SHOWN_BODY,
  startEchoUpstream,
} from "./echo_upstream.ts";
import { GivenAnswers } from "./given_answers.ts";
import { type Frames, framesOf, PREFACE } from "./http2.ts";
import {
  goingUp,
  type Reading,
  type ReadRequest,
  readRequests,
} from "./request_reader.ts";
import type { Guarded } from "./guard.ts";

/** How long a connection may take from its first byte to its end. */
const BOUND_MS = 10_000;

/** How long answers may be given again, where they are: the default. */
const LIFE_MS = 1_000;

/** Clients that ask a proxy at one time where answers are shared. */
const SHARERS = 4;

/** One connection: what a client sends, and how it goes. */
export interface Case {
  /** Its seed. */
  readonly seed: number;
  /** What is sent, one character a byte. */
  readonly bytes: string;
  /** Whether they are not as the grammar made them. */
  readonly damaged: boolean;
  /** The same in the pieces in which it is sent. */
  readonly pieces: readonly string[];
  /** Whether the client vanishes as soon as all is sent. */
  readonly vanishes: boolean;
}

/** What was counted. */
export interface Tally {
  /** Connections. */
  cases: number;
  /** Requests that went up. */
  up: number;
  /** Answers that came from above. */
  echoes: number;
  /** Answers of the proxy's own and of the server under it. */
  refusals: number;
  /** Connections over HTTP/2. */
  http2: number;
  /** Connections to proxies that share answers; the rest is of these. */
  sharing: number;
  /** Those of them that got an answer that was given before. */
  repeats: number;
  /** Answers that came from above, now or before. */
  given: number;
  /** Answers that proxies gave from memory. */
  reused: number;
  /** Requests that waited for the answer to another one. */
  joined: number;
}

/** A client's own. */
interface Seat {
  /** The connection of its last case, for the next one. */
  kept: Deno.Conn | undefined;
  readonly buffer: Uint8Array<ArrayBuffer>;
}

/** A proxy, its upstream, and the cases that it is asked at present. */
export class Lane implements AsyncDisposable {
  readonly tally: Tally;
  readonly #stack = new AsyncDisposableStack();
  readonly #guard: Guarded;
  readonly #boundMs: number;
  readonly #shares: boolean;
  readonly #given: GivenAnswers;
  readonly #meters = new Meters();
  readonly #seats: readonly Seat[];
  readonly #due: DueRequests;
  #upstream: EchoUpstream | undefined;
  #proxy: Awaited<ReturnType<typeof startUnderTest>> | undefined;
  #wrong: string | undefined;
  #logged = 0;

  constructor(
    tally: Tally,
    guard: Guarded,
    { shares, boundMs = BOUND_MS }: {
      readonly shares: boolean;
      readonly boundMs?: number;
    },
  ) {
    this.tally = tally;
    this.#guard = guard;
    this.#boundMs = boundMs;
    this.#shares = shares;
    this.#given = new GivenAnswers(shares ? LIFE_MS : 0);
    this.#seats = Array.from({ length: shares ? SHARERS : 1 }, () => ({
      kept: undefined,
      buffer: new Uint8Array(32 * 1024),
    }));
    this.#due = new DueRequests(this.#seats.length);
  }

  /** How many clients may ask at one time. */
  get seats(): number {
    return this.#seats.length;
  }

  async start(): Promise<this> {
    const upstream = this.#stack.use(startEchoUpstream(
      (raw) => this.#cameUp(raw),
      (bytes, why) => this.#fail(`upstream got ${why}`, bytes),
    ));
    this.#upstream = upstream;
    this.#guard.allow(upstream.address.port);
    this.#proxy = this.#stack.use(
      await startUnderTest(upstream.address, {
        logLevel: "info",
        cacheMs: this.#shares ? LIFE_MS : 0,
      }, this.#meters),
    );
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { kept } of this.#seats) kept?.close();
    this.tally.reused += this.#meters.reused;
    this.tally.joined += this.#meters.shared;
    // A proxy that hangs must not keep anyone from saying so.
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#boundMs);
    await Promise.race([this.#stack.disposeAsync(), late]);
    clearTimeout(timer);
  }

  /**
   * Tries a case.
   *
   * @param given the case
   * @param number that of the client, of as many as there are seats
   * @returns what was wrong, if anything
   */
  async try(given: Case, number = 0): Promise<string | undefined> {
    const seat = this.#seats[number];
    if (seat === undefined) throw new RangeError(`No client ${number}`);
    this.tally.cases++;
    if (this.#shares) this.tally.sharing++;
    const began = performance.now();
    const { bytes } = given;
    const http2 = bytes.startsWith(PREFACE);
    const reading = http2 ? NO_REQUESTS : readRequests(bytes);
    const expected = reading.requests.map((it) => this.#expected(it));
    const streams = http2 ? bytes.match(/:path/g)?.length ?? 0 : 0;
    const due = this.#due.expect(expected, bytes, streams);
    if (http2) this.tally.http2++;
    const methods = reading.requests.map(({ method }) => method);
    const waited = awaited(reading);
    const came = await this.#exchange(given, seat, {
      fresh: http2,
      kept: !given.vanishes && given.seed % 4 > 0 && mayBeKept(reading),
      enough: (answer) =>
        http2
          ? given.damaged || isOver(framesOf(answer), bytes)
          : waited === 0 ||
            readAnswers(answer, methods).answers.length >= waited,
    });
    due.over = true;
    if (came === undefined) {
      this.#fail("hangs", bytes);
    } else if (!given.vanishes) {
      if (http2) this.#judgeFrames(framesOf(came), came);
      else {
        const read = readAnswers(came, methods);
        this.#judge(reading, expected, read, came);
        this.#judgeAgain(read, expected, began);
      }
    }
    this.#judgeLog();
    const stray = this.#guard.takeStrays();
    if (stray.length > 0) this.#fail("connects elsewhere", stray.join(", "));
    const wrong = this.#wrong;
    this.#wrong = undefined;
    return wrong;
  }

  /**
   * Sends and waits for what is due; then keeps the connection for the next
   * case, or half-closes it and reads to the end.
   */
  async #exchange(
    { pieces, vanishes }: Case,
    seat: Seat,
    { fresh, kept, enough }: {
      readonly fresh: boolean;
      readonly kept: boolean;
      readonly enough: (answer: string) => boolean;
    },
  ): Promise<string | undefined> {
    const conn = await this.#connection(seat, fresh);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      conn.close();
    }, this.#boundMs);
    let answer = "";
    try {
      const sending = send(conn, pieces);
      if (vanishes) {
        await sending;
        return "";
      }
      let closing: Promise<void> | undefined;
      for (;;) {
        if (closing === undefined && enough(answer)) {
          if (kept) {
            await sending;
            seat.kept = conn;
            return answer;
          }
          closing = sending.then(() => conn.closeWrite()).catch(() => {});
        }
        const size = await conn.read(seat.buffer);
        if (size === null) break;
        answer += textOf(seat.buffer.subarray(0, size));
      }
      await closing;
    } catch (error) {
      if (late) return undefined;
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    } finally {
      clearTimeout(timer);
      if (!late && seat.kept !== conn) conn.close();
    }
    return answer;
  }

  async #connection(seat: Seat, fresh: boolean): Promise<Deno.Conn> {
    const { kept } = seat;
    seat.kept = undefined;
    if (kept !== undefined && !fresh) return kept;
    kept?.close();
    const { port } = this.#proxy?.address ?? { port: 0 };
    return await this.#guard.connect({ hostname: "127.0.0.1", port });
  }

  #expected(request: ReadRequest): string {
    const { hostname, port } = this.#upstream?.address ??
      { hostname: "", port: 0 };
    return goingUp(request, `${hostname}:${port}`);
  }

  #cameUp(raw: string): void {
    this.tally.up++;
    if (!this.#due.take(raw)) this.#fail("what nobody sent went up", raw);
  }

  #judge(
    { requests, rest }: Reading,
    expected: readonly string[],
    read: AnswersRead,
    came: string,
  ): void {
    const { answers, interim } = read;
    if (read.rest === "bad") return this.#fail("no answer", came);
    // Whoever breaks off must have been broken off.
    let sure = true;
    for (const [i, request] of requests.entries()) {
      sure &&= request.goesUp === "always";
      const answer = answers[i];
      if (answer === undefined) {
        if (sure) this.#fail(`request ${i} has no answer`, came);
        return;
      }
      if (!this.#judgeAnswer(request, expected[i] ?? "", answer, sure)) return;
      // What HTTP/1.0 has no length for ends with the connection.
      sure &&= !request.old;
      if (!isEcho(answer) && closes(answer)) {
        return this.#none(answers, i + 1, came);
      }
    }
    const expects =
      requests.filter(({ headers }) =>
        headers.some(([name]) => name === "expect")
      ).length;
    if (rest === "nothing" && interim > expects) {
      return this.#fail("interim answers nobody expects", came);
    }
    if (rest === "nothing") return this.#none(answers, requests.length, came);
    // One to what became no request; it is a refusal.
    const last = answers[requests.length];
    if (last !== undefined && (isEcho(last) || last.status < 400)) {
      this.#fail("an answer to no request", came);
    }
    this.#none(answers, requests.length + 1, came);
  }

  #judgeAnswer(
    request: ReadRequest,
    expected: string,
    answer: ReadAnswer,
    sure: boolean,
  ): boolean {
    const { status, body } = answer;
    const own = !isEcho(answer);
    if (own) this.tally.refusals++;
    else this.tally.echoes++;
    const [, echo] = answer.headers.find(([name]) => name === ECHO) ?? [];
    const wrong = own
      ? status < 400
        ? "an answer that is nobody's"
        : sure
        ? "refused what must go up"
        : undefined
      : request.goesUp === "never"
      ? "went up"
      : echo !== echoOf(expected)
      ? "another's answer"
      : bodiesOf(request).includes(body)
      ? undefined
      : "another body";
    if (wrong === undefined) return true;
    this.#fail(wrong, JSON.stringify({ expected, answer }));
    return false;
  }

  /** Whatever was answered to each: what is given again must be free to be. */
  #judgeAgain(
    { answers }: AnswersRead,
    expected: readonly string[],
    began: number,
  ): void {
    const before = this.#given.again;
    for (const [i, answer] of answers.entries()) {
      if (!isEcho(answer)) continue;
      if (this.#shares) this.tally.given++;
      const of = { expected: expected[i] ?? "", began, answer };
      const wrong = this.#given.judge(of);
      if (wrong !== undefined) this.#fail(wrong, JSON.stringify(of));
    }
    if (this.#given.again > before) this.tally.repeats++;
  }

  #none(answers: readonly ReadAnswer[], from: number, came: string): void {
    if (answers.length > from) this.#fail("an answer to no request", came);
  }

  #judgeFrames({ clean }: Frames, came: string): void {
    const refused = readAnswers(came, []);
    const plain = refused.rest === "nothing" && refused.answers.length < 2;
    if (!clean && !plain) this.#fail("no frames", came);
  }

  #judgeLog(): void {
    const { log } = this.#proxy ?? { log: [] };
    for (const line of log.slice(this.#logged)) {
      if (/ (?:warn|error) /.test(line)) this.#fail("a fault is logged", line);
    }
    this.#logged = log.length;
  }

  #fail(why: string, detail: string): void {
    this.#wrong ??= `${why}: ${JSON.stringify(detail.slice(0, 2_000))}`;
  }
}

const NO_REQUESTS: Reading = { requests: [], rest: "bad" };

/** How many answers must come before a client may half-close. */
function awaited({ requests }: Reading): number {
  const untidy = requests.findIndex(({ tidy }) => !tidy);
  return untidy < 0 ? requests.length : untidy;
}

/** Whether a connection must go on after these requests. */
function mayBeKept({ requests, rest }: Reading): boolean {
  return rest === "nothing" && requests.length > 0 &&
    requests.every(({ goesUp, old, closes }) =>
      goesUp === "always" && !old && !closes
    );
}

function isEcho({ headers }: ReadAnswer): boolean {
  return headers.some(([name]) => name === ECHO);
}

function closes({ headers }: ReadAnswer): boolean {
  return headers.some(([name, value]) =>
    name === "connection" && value === "close"
  );
}

function isOver({ ended, away }: Frames, bytes: string): boolean {
  return away || ended.size >= (bytes.match(/:scheme/g)?.length ?? 0);
}

function bodiesOf({ method, target }: ReadRequest): readonly string[] {
  if (method === "HEAD") return [""];
  if (method !== "GET") return [REAL_BODY];
  if (/^\/latest\/meta-data\/placement\/\w+\?/.test(target)) {
    return [SHOWN_BODY];
  }
  if (/^\/latest\/(?:user-data|api\/token)\?/.test(target)) return [REAL_BODY];
  return [REAL_BODY, SHOWN_BODY];
}

async function send(conn: Deno.Conn, texts: readonly string[]): Promise<void> {
  try {
    for (const text of texts) {
      let rest: Uint8Array = bytesOf(text);
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
    }
  } catch {
    // The proxy has refused before all was sent.
  }
}
