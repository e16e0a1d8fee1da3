/**
 * Which requests may share one upstream request, and which answers may be used
 * again for a moment. That shields the service,
 * which takes 1,024 packets a second from a network interface, for all
 * link-local services together, and drops what is beyond
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { neverShared } from "../../rewrite/paths.ts";
import type { Meters } from "../../observe/meters.ts";
import { memoize } from "../../system/memoize.ts";
import type { Answer, WholeAnswer } from "../answer.ts";
import type { UpstreamRequest } from "../upstream/upstream.ts";
import { SharedRequest } from "./coalescing.ts";

/** The most bytes of a body that is used again. */
const MAX_BODY_BYTES = 64 * 1024;

/** The most answers that are kept. */
const MAX_ANSWERS = 512;

/**
 * The most bytes that are kept: those of bodies, of their headers, and of the
 * requests, whose heads a client makes as long as it likes.
 */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * How long others may join a request that waits for its answer, in
 * milliseconds. Clients give up after 500 ms (the SDK for Go) or a second, and
 * ask again: a retry is to ask the service, not to wait with one that hangs.
 */
const JOIN_MS = 250;

/** Where the session token of IMDSv2 stands. */
const TOKEN_HEADER = "x-aws-ec2-metadata-token";

/** For how long it is good still, in seconds, in every answer under it. */
const TTL_HEADER = `${TOKEN_HEADER}-ttl-seconds`;

/** Statuses that may be over the next moment, or that belong to one token. */
const NEVER_AGAIN: readonly number[] = [
  STATUS_CODE.Unauthorized,
  STATUS_CODE.Forbidden,
  STATUS_CODE.TooManyRequests,
];

/** An answer that is kept. */
interface Kept {
  readonly answer: WholeAnswer;
  readonly until: number;
  readonly token: string | undefined;
  readonly size: number;
}

/** Sends a request up, until its signal is aborted. */
export type Ask = (signal: AbortSignal) => Promise<Answer>;

/** Answers identical requests together, and from memory for a moment. */
export class ResponseCache {
  readonly #lifeMs: number;
  readonly #now: () => number;
  readonly #meters: Pick<Meters, "reused" | "shared"> | undefined;
  readonly #kept = new Map<string, Kept>();
  readonly #pending = new Map<string, SharedRequest>();
  #bytes = 0;

  /**
   * Keeps nothing yet.
   *
   * @param lifeMs how long an answer may be used again, in milliseconds; 0
   * shares nothing at all
   * @param now the clock, in milliseconds
   * @param meters counts what was shared, if anybody asks for it
   */
  constructor(
    lifeMs: number,
    now: () => number = () => performance.now(),
    meters?: Pick<Meters, "reused" | "shared">,
  ) {
    this.#lifeMs = lifeMs;
    this.#now = now;
    this.#meters = meters;
  }

  /**
   * Answers a request from what is there, or by asking.
   *
   * @param request the request
   * @param client its `signal` is aborted when the client leaves; looked at
   * only where there is something to wait for
   * @param ask asks the upstream; an error of it meets all who wait for it
   * @throws {ClientGone} when the client leaves first
   */
  async answer(
    request: UpstreamRequest,
    client: { readonly signal: AbortSignal },
    ask: Ask,
  ): Promise<Answer> {
    if (this.#lifeMs === 0) return await ask(client.signal);
    if (!mayShare(request)) {
      return await this.#ask(request, client.signal, ask);
    }
    const key = keyOf(request);
    const now = this.#now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && now < kept.until) {
      if (this.#meters !== undefined) this.#meters.reused++;
      return kept.answer;
    }
    const joined = this.#pending.get(key);
    const joins = joined !== undefined && !joined.isAbandoned &&
      now - joined.since < JOIN_MS;
    const shared = joins ? joined : this.#start(key, request, ask);
    const answer = await shared.wait(client.signal);
    // A streamed answer has gone to another client.
    if (answer === undefined) {
      return await this.#ask(request, client.signal, ask);
    }
    if (joins && this.#meters !== undefined) this.#meters.shared++;
    return answer;
  }

  #start(key: string, request: UpstreamRequest, ask: Ask): SharedRequest {
    const token = valueOf(request, TOKEN_HEADER);
    const isCurrent = () => this.#pending.get(key) === shared;
    const shared: SharedRequest = new SharedRequest(async (signal) => {
      try {
        const answer = await this.#ask(request, signal, ask);
        if ("bytes" in answer && isCurrent()) this.#keep(key, token, answer);
        return answer;
      } finally {
        if (isCurrent()) this.#pending.delete(key);
      }
    }, { since: this.#now(), token });
    this.#pending.set(key, shared);
    return shared;
  }

  /** Asks, whatever for; a token the service refuses is refused for all. */
  async #ask(
    request: UpstreamRequest,
    signal: AbortSignal,
    ask: Ask,
  ): Promise<Answer> {
    const answer = await ask(signal);
    if (answer.status === STATUS_CODE.Unauthorized) {
      this.#forget(valueOf(request, TOKEN_HEADER));
    }
    return answer;
  }

  #keep(key: string, token: string | undefined, answer: WholeAnswer): void {
    if (!mayKeep(answer)) return;
    this.#drop(key);
    const size = sizeOf(key, answer);
    const now = this.#now();
    const until = now + Math.min(this.#lifeMs, 1_000 * ttlOf(answer));
    this.#kept.set(key, { answer, until, token, size });
    this.#bytes += size;
    // The oldest stand first.
    for (const [oldest, { until }] of this.#kept) {
      const fits = this.#kept.size <= MAX_ANSWERS && this.#bytes <= MAX_BYTES;
      if (fits && now < until) break;
      this.#drop(oldest);
    }
  }

  /**
   * A token the service has refused must not be answered from memory, nor with
   * what was asked for while it held.
   */
  #forget(token: string | undefined): void {
    for (const [key, kept] of this.#kept) {
      if (kept.token === token) this.#drop(key);
    }
    for (const [key, pending] of this.#pending) {
      if (pending.token === token) this.#pending.delete(key);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.size ?? 0;
    this.#kept.delete(key);
  }
}

function valueOf(request: UpstreamRequest, name: string): string | undefined {
  return request.headers.find((header) => header[0] === name)?.[1];
}

/** How long the token of an answer is good, in seconds. */
function ttlOf({ headers }: WholeAnswer): number {
  const ttl = headers.find(([name]) => name.toLowerCase() === TTL_HEADER)?.[1];
  return ttl !== undefined && /^\d+$/.test(ttl) ? Number(ttl) : Infinity;
}

/** Conditions and ranges ask for something of their own. */
const OWN = /^(?:range|if-.*|authorization|cookie)$/;

const isPersonal = memoize(neverShared);

function mayShare({ method, target, headers }: UpstreamRequest): boolean {
  return method === "GET" && !headers.some(([name]) => OWN.test(name)) &&
    !isPersonal(target);
}

function mayKeep({ status, headers, bytes }: WholeAnswer): boolean {
  return status < 500 && !NEVER_AGAIN.includes(status) &&
    (bytes?.length ?? 0) <= MAX_BODY_BYTES &&
    !headers.some(([name, value]) =>
      name.toLowerCase() === "cache-control" && /no-store|no-cache/i.test(value)
    );
}

/** What keeping an answer takes, in bytes; every character is one. */
function sizeOf(key: string, { headers, bytes }: WholeAnswer): number {
  let size = key.length + (bytes?.length ?? 0);
  for (const [name, value] of headers) size += name.length + value.length;
  return size;
}

/** Two requests are identical when target and end-to-end headers are. */
function keyOf({ target, headers }: UpstreamRequest): string {
  let key = target;
  for (const [name, value] of headers) key += `\n${name}:${value}`;
  return key;
}
