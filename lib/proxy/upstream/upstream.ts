/**
 * The one upstream: sends each request on a connection of its own, and hands
 * back the head of the answer, its body still to come.
 *
 * EC2's service closes every connection after its answer, so keeping some would
 * win nothing, and what comes late on one would be the next client's answer.
 * The service gets nothing twice: a PUT would issue two tokens.
 *
 * @module
 */
import { messageOf } from "../../cli/message.ts";
import { STATUS_CODE } from "@std/http/status";
import { formatAddress } from "../../config/address.ts";
import type { UpstreamAddress } from "../../config/serve_config.ts";
import { after, delay } from "../../system/timers.ts";
import { isLoopback, plainAddress } from "../admission.ts";
import type { Header } from "../headers.ts";
import { readAnswer, type UpstreamAnswer } from "./answer_reader.ts";
import { Connection } from "./connection.ts";
import type { TimeLimit } from "./time_limit.ts";
import {
  brokeOff,
  ClientGone,
  unreachable,
  UpstreamError,
} from "./upstream_error.ts";

/** Finds an upstream that moves. */
export interface UpstreamSource {
  /**
   * Where it is at the moment.
   *
   * @param timeoutMs how long it may take to find out, in milliseconds
   * @throws {Error} when that is not known by then; the message is one line
   */
  current(timeoutMs: number): Promise<UpstreamAddress>;
  /** Is told that there was no connection to an address. */
  failed(address: UpstreamAddress): void;
  /** Ends a search that is under way. */
  close(): void;
}

/** A request as it goes up. */
export interface UpstreamRequest {
  /** The method. */
  readonly method: string;
  /** The origin-form target, one character a byte. */
  readonly target: string;
  /** The end-to-end headers, Host among them. */
  readonly headers: readonly Header[];
  /** The body; `undefined` for none at all. */
  readonly body: Uint8Array | undefined;
}

/** A request that went up, and the other end of its connection. */
interface SentRequest {
  readonly request: UpstreamRequest;
  readonly connection: Connection;
  cameBack: boolean;
}

/**
 * So many times a request may come back before the rule is to blame. Where a
 * client's connection was reset, as when a proxy dies, conntrack keeps it for
 * ten seconds, and redirects what this proxy sends from the same port. Such
 * ports lie close together: of three tries in a row, all came back in a soak.
 */
const MOST_RETURNS = 8;

/**
 * The pauses before a moving upstream is looked for again, in milliseconds:
 * three tries as in mdproxy4cs, but well within what clients wait.
 */
const PAUSES_MS: readonly number[] = [100, 400];

/**
 * The most requests up at one time. Above some 300 the runtime serves their
 * sockets so unevenly that a healthy service seems to hang.
 */
const MOST_AT_ONCE = 64;

/**
 * How long a request counts among them at most, in milliseconds. One that takes
 * longer waits for the service, and must not hold up others: where every
 * request hangs, the last of 1,024 goes up after 0.8 s.
 */
const TURN_MS = 50;

/**
 * Lets requests go up, first come, first served.
 *
 * @returns waits for a turn, and returns what ends it
 */
function turns(): () => (() => void) | Promise<() => void> {
  const waiting = new Set<() => void>();
  let taken = 0;

  function begin(): () => void {
    taken++;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      cancelTimer();
      taken--;
      const [next] = waiting;
      next?.();
    };
    const cancelTimer = after(TURN_MS, end);
    return end;
  }

  const wait = () =>
    new Promise<() => void>((resolve) => {
      const next = () => {
        waiting.delete(next);
        resolve(begin());
      };
      waiting.add(next);
    });
  return () => taken < MOST_AT_ONCE ? begin() : wait();
}

/** A client of one upstream. */
export class Upstream {
  /** `HOST:PORT` as a Host header has it, without the default port. */
  readonly authority: string;
  readonly #address: UpstreamAddress;
  readonly #source: UpstreamSource | undefined;
  readonly #open = new Set<Connection>();
  readonly #takeTurn = turns();
  /** The requests without an answer yet, by the local port they went from. */
  readonly #unanswered = new Map<number, SentRequest>();
  #closed = false;

  /**
   * Connects only when a request is sent.
   *
   * @param address where the real service is, or its usual name where it moves
   * @param source tells where it is, if it moves
   */
  constructor(address: UpstreamAddress, source?: UpstreamSource) {
    this.#address = address;
    this.#source = source;
    this.authority = formatAddress(address).replace(/:80$/, "");
  }

  /**
   * Sends a request; one that came back to this proxy goes from another port.
   *
   * @param request what to send
   * @param limit how long finding the service, connecting and the head of the
   * answer may take; it ends the body, too, until it is disposed of
   * @throws {UpstreamError} when no proper answer begins in time
   * @throws {ClientGone} when nobody waits for it any more
   */
  async send(
    request: UpstreamRequest,
    limit: TimeLimit,
  ): Promise<UpstreamAnswer> {
    for (let returns = 0; returns < MOST_RETURNS; returns++) {
      const { address, connection } = await this.#connect(limit);
      const { port } = connection.local;
      const sent: SentRequest = { request, connection, cameBack: false };
      this.#unanswered.set(port, sent);
      try {
        // An answer may come before all was sent, even instead.
        connection.write(bytesOf(request)).catch(() => {});
        const answer = await readAnswer(connection, request.method);
        // A client may have the same port by chance: then it is the service's.
        if (!sent.cameBack || answer.status !== STATUS_CODE.LoopDetected) {
          return answer;
        }
        connection.close();
      } catch (error) {
        connection.close();
        const failure = brokeOff(error);
        if (failure instanceof UpstreamError && failure.fault === "late") {
          this.#source?.failed(address);
        }
        throw failure;
      } finally {
        this.#unanswered.delete(port);
      }
    }
    throw new UpstreamError(
      "loop",
      "the rule redirects this proxy's requests back to the proxy",
    );
  }

  /**
   * Connects. Where the upstream may move, its source is asked again after each
   * failure, up to three tries; it may give the same address again.
   */
  async #connect(
    limit: TimeLimit,
  ): Promise<{ address: UpstreamAddress; connection: Connection }> {
    for (let tries = 0;; tries++) {
      const address = this.#source === undefined
        ? this.#address
        : await locate(this.#source, limit.leftMs);
      const end = await this.#takeTurn();
      try {
        const connection = await Connection.open(address, limit, this.#open);
        connection.onDone = end;
        if (!this.#closed) return { address, connection };
        connection.close();
        throw new Error("the proxy is stopping");
      } catch (error) {
        end();
        if (error instanceof ClientGone) throw error;
        this.#source?.failed(address);
        limit.throwIfOver();
        const pauseMs = PAUSES_MS[tries] ?? Infinity;
        if (this.#source === undefined || pauseMs >= limit.leftMs) {
          throw unreachable(error);
        }
        await delay(pauseMs);
      }
    }
  }

  /**
   * Whether a request is one of ours that came back to us: it comes from the
   * local end of an upstream connection that waits for the answer to just this
   * request. Whoever sent it then sends it anew.
   *
   * @param peer where the request came from
   * @param listener where it came in
   * @param request the request
   */
  comesBack(
    peer: Deno.NetAddr,
    listener: Deno.NetAddr,
    { method, target }: Pick<UpstreamRequest, "method" | "target">,
  ): boolean {
    const sent = this.#unanswered.get(peer.port);
    if (sent?.request.method !== method || sent.request.target !== target) {
      return false;
    }
    const { local, remote } = sent.connection;
    if (plainAddress(local.hostname) !== plainAddress(peer.hostname)) {
      return false;
    }
    // On loopback nothing is redirected, but a client may have the same address
    // and port towards us as our own connection has towards the upstream.
    sent.cameBack = !isLoopback(remote.hostname) ||
      remote.port === listener.port;
    return sent.cameBack;
  }

  /** Closes every connection, and those that are still being made. */
  close(): void {
    this.#closed = true;
    this.#source?.close();
    for (const connection of this.#open) connection.close();
  }
}

async function locate(
  source: UpstreamSource,
  timeoutMs: number,
): Promise<UpstreamAddress> {
  try {
    return await source.current(timeoutMs);
  } catch (error) {
    const message = messageOf(error);
    throw new UpstreamError("unreachable", message, { cause: error });
  }
}

/** A request as it stands on the wire. */
function bytesOf(
  { method, target, headers, body }: UpstreamRequest,
): Uint8Array {
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  if (body !== undefined) head += `Content-Length: ${body.length}\r\n`;
  head += "Connection: close\r\n\r\n";
  const bytes = new Uint8Array(head.length + (body?.length ?? 0));
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  if (body !== undefined) bytes.set(body, head.length);
  return bytes;
}
