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
import { STATUS_CODE } from "@std/http/status";
import type { UpstreamAddress } from "../../config/serve_config.ts";
import { delay } from "../../system/timers.ts";
import { answerHeaders, type Header } from "../headers.ts";
import { isLoopback, plainAddress } from "../peers.ts";
import { AnswerBody } from "./answer_body.ts";
import { readHead } from "./answer_head.ts";
import { Connection } from "./connection.ts";
import type { TimeLimit } from "./time_limit.ts";
import {
  brokeOff,
  CameBack,
  ClientGone,
  unreachable,
  UpstreamError,
} from "./upstream_error.ts";
import { fixedSource, type UpstreamSource } from "./upstream_source.ts";

/**
 * Statuses that can be handed on. `Deno.serve` takes no others, and sends 205
 * without a length, so that a client would wait for the end of its body.
 */
function canBeSent(status: number): boolean {
  return status >= 200 && status <= 599 && status !== 205;
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

/** The head of an answer, and the rest to read. */
export interface UpstreamAnswer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers. */
  readonly headers: readonly Header[];
  /** The Content-Length it announced, if any. */
  readonly length: string | undefined;
  /** The body. */
  readonly body: Pick<AnswerBody, "start" | "read" | "destroy">;
}

/** A request that went up, and the other end of its connection. */
interface SentRequest {
  readonly request: UpstreamRequest;
  readonly remote: Deno.NetAddr;
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

/** A client of one upstream. */
export class Upstream {
  /** `HOST:PORT` as a Host header has it, without the default port. */
  readonly authority: string;
  readonly #source: UpstreamSource;
  readonly #open = new Set<Connection>();
  /** The requests without an answer yet, by the local end they went from. */
  readonly #unanswered = new Map<string, SentRequest>();
  #closed = false;

  /**
   * Connects only when a request is sent.
   *
   * @param address where the real service is, or its usual name where it moves
   * @param source tells where it is; at `address` for ever unless given
   */
  constructor(
    address: UpstreamAddress,
    source: UpstreamSource = fixedSource(address),
  ) {
    this.#source = source;
    const host = address.hostname.includes(":")
      ? `[${address.hostname}]`
      : address.hostname;
    this.authority = address.port === 80 ? host : `${host}:${address.port}`;
  }

  /**
   * Sends a request; one that came back to this proxy goes from another port.
   *
   * @param request what to send
   * @param limit how long finding the service, connecting and the head of the
   * answer may take; it ends the body, too, until it is disposed of
   * @throws {UpstreamError} when no proper answer begins in time
   * @throws {ClientGone} when nobody waits for it any more
   * @throws {CameBack} when it came back each time
   */
  async send(
    request: UpstreamRequest,
    limit: TimeLimit,
  ): Promise<UpstreamAnswer> {
    for (let returns = 0; returns < MOST_RETURNS; returns++) {
      const answer = await this.#sendOnce(request, limit);
      if (answer !== undefined) return answer;
    }
    throw new CameBack();
  }

  /** Sends a request; there is no answer where it came back. */
  async #sendOnce(
    request: UpstreamRequest,
    limit: TimeLimit,
  ): Promise<UpstreamAnswer | undefined> {
    const { address, connection } = await this.#connect(limit);
    const { local, remote } = connection;
    limit.signal.addEventListener(
      "abort",
      () => connection.close(limit.signal.reason),
    );
    const from = end(local.hostname, local.port);
    const sent: SentRequest = { request, remote, cameBack: false };
    this.#unanswered.set(from, sent);
    try {
      limit.signal.throwIfAborted();
      // An answer may come before all was sent, even instead.
      connection.write(bytesOf(request)).catch(() => {});
      const head = await readHead(connection, request.method);
      const { status, fields, length, framing } = head;
      // A client may have the same port by chance: then this is the service's.
      if (sent.cameBack && status === STATUS_CODE.LoopDetected) {
        connection.close();
        return undefined;
      }
      if (!canBeSent(status)) {
        throw new UpstreamError("broken", `answered with status ${status}`);
      }
      const body = new AnswerBody(connection, framing);
      return { status, headers: answerHeaders(fields), length, body };
    } catch (error) {
      connection.close();
      const failure = brokeOff(error);
      if (failure instanceof UpstreamError && failure.fault === "late") {
        this.#source.failed(address);
      }
      throw failure;
    } finally {
      this.#unanswered.delete(from);
    }
  }

  /**
   * Connects. Where the upstream may move, one that cannot be connected to is
   * looked for anew, three times at most.
   */
  async #connect(
    limit: TimeLimit,
  ): Promise<{ address: UpstreamAddress; connection: Connection }> {
    for (let tries = 0;; tries++) {
      const address = await this.#locate(limit.leftMs);
      try {
        return { address, connection: await this.#connectTo(address, limit) };
      } catch (error) {
        if (!(limit.signal.reason instanceof ClientGone)) {
          this.#source.failed(address);
        }
        limit.signal.throwIfAborted();
        const pauseMs = PAUSES_MS[tries] ?? Infinity;
        if (!this.#source.moves || pauseMs >= limit.leftMs) {
          throw unreachable(error);
        }
        await delay(pauseMs);
      }
    }
  }

  async #locate(timeoutMs: number): Promise<UpstreamAddress> {
    try {
      return await this.#source.current(timeoutMs);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new UpstreamError("unreachable", message, { cause: error });
    }
  }

  async #connectTo(
    address: UpstreamAddress,
    { signal }: TimeLimit,
  ): Promise<Connection> {
    const connection = await Connection.open(
      address,
      signal,
      (closed) => this.#open.delete(closed),
    );
    this.#open.add(connection);
    if (!this.#closed) return connection;
    connection.close();
    throw new Error("the proxy is stopping");
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
    if (this.#unanswered.size === 0) return false;
    const sent = this.#unanswered.get(end(peer.hostname, peer.port));
    if (sent?.request.method !== method || sent.request.target !== target) {
      return false;
    }
    // On loopback nothing is redirected, but a client may have the same address
    // and port towards us as our own connection has towards the upstream.
    const { hostname, port } = sent.remote;
    sent.cameBack = !isLoopback(hostname) || port === listener.port;
    return sent.cameBack;
  }

  /** Closes every connection, and those that are still being made. */
  close(): void {
    this.#closed = true;
    this.#source.close();
    for (const connection of this.#open) connection.close();
  }
}

function end(address: string, port: number): string {
  return `${plainAddress(address)} ${port}`;
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
