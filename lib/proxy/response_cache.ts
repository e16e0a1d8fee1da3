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
import { neverShared } from "../rewrite/paths.ts";
import type { Meters } from "../system/meters.ts";
import { memoize } from "../system/memoize.ts";
import type { Answer } from "./answer.ts";
import {
  TOKEN_HEADER,
  TOKEN_TTL_HEADER,
  valueOf,
  valuesOf,
} from "./headers.ts";
import type { UpstreamRequest } from "./upstream/upstream.ts";
import type { Waiting } from "./upstream/time_limit.ts";
import { ClientGone } from "./upstream/upstream_error.ts";

/** The most bytes of a body that is used again. */
const MAX_BODY_BYTES = 64 * 1024;

/** The most answers that are kept. */
const MAX_ANSWERS = 4_096;

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

/** Statuses that may be over the next moment, or that belong to one token. */
const NEVER_AGAIN: readonly number[] = [
  STATUS_CODE.Unauthorized,
  STATUS_CODE.Forbidden,
  STATUS_CODE.TooManyRequests,
];

/** Sends a request up, for as long as anybody waits. */
export type Ask = (waiting: Waiting) => Promise<Answer>;

/**
 * A request that went up for all who ask the same at the same moment, and its
 * answer. It goes on while anybody waits for it.
 */
interface Entry {
  readonly since: number;
  readonly token: string | undefined;
  readonly answer: Promise<Answer>;
  waiting: number;
  /** Called when nobody waits any more. */
  giveUp: () => void;
  /** Whether a streamed answer, which can be read only once, has its reader. */
  taken: boolean;
  /** What may be used again; nothing while it is on its way. */
  kept?: {
    readonly answer: Answer;
    readonly until: number;
    readonly size: number;
  };
}

/**
 * Answers a request from what is there, or by asking.
 *
 * @param request the request
 * @param client tells when the client leaves
 * @param ask asks the upstream; an error of it meets all who wait for it
 * @throws {ClientGone} when the client leaves first
 */
export type ResponseCache = (
  request: UpstreamRequest,
  client: Waiting,
  ask: Ask,
) => Answer | Promise<Answer>;

/**
 * Answers identical requests together, and from memory for a moment.
 *
 * @param lifeMs how long an answer may be used again, in milliseconds; 0
 * shares nothing at all
 * @param meters counts what was shared
 * @param now the clock, in milliseconds
 */
export function responseCache(
  lifeMs: number,
  meters: Pick<Meters, "reused" | "shared">,
  now: () => number = () => performance.now(),
): ResponseCache {
  /** Those that are kept stand in the order in which they came. */
  const entries = new Map<string, Entry>();
  let bytes = 0;

  return (request, client, ask) => {
    if (lifeMs === 0) return ask(client);
    if (!mayShare(request)) return send(request, client, ask);
    const key = keyOf(request);
    const known = entries.get(key);
    if (known?.kept !== undefined && now() < known.kept.until) {
      meters.reused++;
      return known.kept.answer;
    }
    const joins = known !== undefined && known.kept === undefined &&
      known.waiting > 0 && now() - known.since < JOIN_MS;
    return share(joins ? known : start(key, request, ask));

    async function share(entry: Entry): Promise<Answer> {
      const answer = await wait(entry, client);
      // A streamed answer has gone to another client.
      if (answer === undefined) return await send(request, client, ask);
      if (joins) meters.shared++;
      return answer;
    }
  };

  function start(key: string, request: UpstreamRequest, ask: Ask): Entry {
    let giveUp = () => {};
    const waiting: Waiting = (onLeave) => {
      giveUp = onLeave;
      return () => giveUp = () => {};
    };
    const entry: Entry = {
      since: now(),
      token: valueOf(request.headers, TOKEN_HEADER),
      answer: send(request, waiting, ask),
      waiting: 0,
      giveUp: () => giveUp(),
      taken: false,
    };
    drop(key);
    entries.set(key, entry);
    const settle = (answer?: Answer) => {
      const isCurrent = entries.get(key) === entry;
      if (isCurrent) entries.delete(key);
      if (answer?.body instanceof ReadableStream) {
        if (entry.waiting === 0) answer.body.cancel();
      } else if (isCurrent && answer !== undefined) keep(key, entry, answer);
    };
    // A failure is told to those who wait.
    entry.answer.then(settle, () => settle());
    return entry;
  }

  /** Asks, whatever for; a token the service refuses is refused for all. */
  async function send(
    request: UpstreamRequest,
    waiting: Waiting,
    ask: Ask,
  ): Promise<Answer> {
    const answer = await ask(waiting);
    if (answer.status === STATUS_CODE.Unauthorized) {
      forget(valueOf(request.headers, TOKEN_HEADER));
    }
    return answer;
  }

  function keep(key: string, entry: Entry, answer: Answer): void {
    if (!mayKeep(answer)) return;
    const until = now() + Math.min(lifeMs, 1_000 * ttlOf(answer));
    const size = sizeOf(key, answer);
    entry.kept = { answer, until, size };
    entries.set(key, entry);
    bytes += size;
    for (const [oldest, { kept }] of entries) {
      if (kept === undefined) continue;
      const fits = entries.size <= MAX_ANSWERS && bytes <= MAX_BYTES;
      if (fits && now() < kept.until) break;
      drop(oldest);
    }
  }

  /**
   * A token the service has refused must not be answered from memory, nor with
   * what was asked for while it held.
   */
  function forget(token: string | undefined): void {
    for (const [key, entry] of entries) if (entry.token === token) drop(key);
  }

  function drop(key: string): void {
    bytes -= entries.get(key)?.kept?.size ?? 0;
    entries.delete(key);
  }
}

/**
 * Waits for the answer to a request that others wait for, too.
 *
 * @returns `undefined` for a streamed one that went to another client
 */
async function wait(
  entry: Entry,
  client: Waiting,
): Promise<Answer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  entry.answer.then(resolve, reject);
  entry.waiting++;
  const stop = client(() => {
    reject(new ClientGone());
    if (--entry.waiting === 0) entry.giveUp();
  });
  try {
    const answer = await promise;
    if (!(answer.body instanceof ReadableStream)) return answer;
    if (entry.taken) return undefined;
    entry.taken = true;
    return answer;
  } finally {
    stop();
  }
}

/** How long the token of an answer is good, in seconds. */
function ttlOf({ headers }: Answer): number {
  const [ttl = ""] = valuesOf(headers, TOKEN_TTL_HEADER);
  return /^\d+$/.test(ttl) ? Number(ttl) : Infinity;
}

/** Conditions and ranges ask for something of their own. */
const OWN = /^(?:range|if-.*|authorization|cookie)$/;

const isPersonal = memoize(neverShared);

function mayShare({ method, target, headers }: UpstreamRequest): boolean {
  return method === "GET" && !headers.some(([name]) => OWN.test(name)) &&
    !isPersonal(target);
}

function mayKeep({ status, headers, body }: Answer): boolean {
  return status < 500 && !NEVER_AGAIN.includes(status) &&
    lengthOf(body) <= MAX_BODY_BYTES &&
    !/no-store|no-cache/i.test(valuesOf(headers, "cache-control").join());
}

/** What keeping an answer takes, in bytes; every character is one. */
function sizeOf(key: string, { headers, body }: Answer): number {
  let size = key.length + lengthOf(body);
  for (const [name, value] of headers) size += name.length + value.length;
  return size;
}

function lengthOf(body: Answer["body"]): number {
  return body instanceof Uint8Array ? body.length : 0;
}

/** Two requests are identical when target and end-to-end headers are. */
function keyOf({ target, headers }: UpstreamRequest): string {
  let key = target;
  for (const [name, value] of headers) key += `\n${name}:${value}`;
  return key;
}
