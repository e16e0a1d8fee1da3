/**
 * The one upstream: sends a request up on a kept connection and hands back the
 * head of the answer, its body still to come.
 *
 * On sockets of Deno rather than on `node:http`, which takes more than twice
 * the processor time for it.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { UpstreamAddress } from "../config/serve_config.ts";
import { AnswerBody } from "./answer_body.ts";
import { readHead } from "./answer_head.ts";
import type { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { answerHeaders, type Header } from "./headers.ts";
import { isLoopback, plainAddress } from "./peers.ts";
import { brokeOff, UpstreamError } from "./upstream_error.ts";
import { fixedSource, type UpstreamSource } from "./upstream_source.ts";
import { after, delay } from "../system/timers.ts";

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
  readonly body: AnswerBody;
}

/** A request that went up, and the other end of its connection. */
interface SentRequest {
  readonly request: UpstreamRequest;
  readonly to: string;
  readonly port: number;
  /** Told that it came back; nobody, where it will not be sent again. */
  readonly cameBack: (() => void) | undefined;
}

/**
 * A request of ours that came back to us: `once` when it will be sent on
 * another connection, `again` when it will not.
 */
export type ComesBack = "once" | "again";

/**
 * On how many connections a request is sent that comes back. Connections that
 * were reset together had neighbouring ports, and so have ours, one after
 * another: about one in five of such a block is met.
 */
const MOST_TRIES = 4;

/**
 * How long a kept connection may say nothing before the request is sent on a
 * new one, in milliseconds: time for a lost packet to be sent again (200 ms),
 * and less than the 500 ms that the SDK for Go waits. Of a shorter timeout it
 * is a quarter.
 */
const MOST_SILENCE_MS = 300;

/**
 * The pauses before a moving upstream is asked again, in milliseconds: three
 * tries as in mdproxy4cs, but well within what clients wait.
 */
const PAUSES_MS: readonly number[] = [100, 400];

/** A client of one upstream. */
export class Upstream {
  /** `HOST:PORT` as a Host header has it, without the default port. */
  readonly authority: string;
  readonly #source: UpstreamSource;
  readonly #connections = new Connections();
  /** The requests without an answer yet, by the local end they went from. */
  readonly #unanswered = new Map<string, SentRequest>();

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
   * Sends a request.
   *
   * A request on a kept connection that dies before the first byte of an
   * answer is sent once more on a new one: the service had closed the old one
   * just then. So is one on a kept connection that stays silent: its path may
   * be gone, as after a migration of the instance.
   *
   * A request that came back to this very proxy is sent on others, too. After
   * a reset by its server, the kernel remembers a connection for ten seconds
   * (nf_conntrack_tcp_timeout_close), and leads a new one that gets its port
   * where the old one went, whatever the rule says now. A rule that is wrong
   * leads every one back.
   *
   * Where the upstream may move, one that cannot be connected to is looked for
   * anew, and the request, of which nothing went up, is sent there: three times
   * at most.
   *
   * @param request what to send
   * @param timeoutMs how long the head of the answer may take, in milliseconds
   * @throws {UpstreamError} when no proper answer begins in time
   */
  async send(
    request: UpstreamRequest,
    timeoutMs: number,
  ): Promise<UpstreamAnswer> {
    const deadline = performance.now() + timeoutMs;
    const left = () => Math.max(1, Math.ceil(deadline - performance.now()));
    for (const pauseMs of [...PAUSES_MS, undefined]) {
      const address = await this.#locate(left());
      try {
        return await this.#sendTo(address, request, left());
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        if (error.fault === "late") {
          this.#source.failed(address);
          throw new UpstreamError(
            "late",
            `no answer within ${timeoutMs / 1000} s`,
          );
        }
        if (error.fault === "unreachable") this.#source.failed(address);
        const again = this.#source.moves && error.fault === "unreachable" &&
          pauseMs !== undefined && pauseMs < left();
        if (!again) throw error;
        await delay(pauseMs);
      }
    }
    throw new TypeError("The last try neither answered nor failed");
  }

  async #locate(timeoutMs: number): Promise<UpstreamAddress> {
    try {
      return await this.#source.current(timeoutMs);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new UpstreamError("unreachable", message, { cause: error });
    }
  }

  async #sendTo(
    address: UpstreamAddress,
    request: UpstreamRequest,
    timeoutMs: number,
  ): Promise<UpstreamAnswer> {
    const deadline = performance.now() + timeoutMs;
    const left = () => Math.max(1, Math.ceil(deadline - performance.now()));
    const kept = this.#connections.take(address);
    if (kept !== undefined) {
      const { received } = kept;
      const isSilent = () => kept.received === received;
      const heard = after(Math.min(MOST_SILENCE_MS, timeoutMs / 4), () => {
        if (!isSilent()) return;
        // Those that were kept with it may be as dead.
        this.#connections.dropIdle(address);
        this.#connections.drop(kept);
      });
      try {
        return await this.#ask(address, kept, request, timeoutMs);
      } catch (error) {
        if (!isSilent()) throw error;
      } finally {
        heard();
      }
    }
    for (let tries = MOST_TRIES;; tries--) {
      const fresh = await this.#connections.open(address, left());
      let isBack = false;
      const cameBack = tries > 1 ? () => isBack = true : undefined;
      const answer = await this.#ask(address, fresh, request, left(), cameBack);
      if (!isBack || answer.status !== STATUS_CODE.LoopDetected) return answer;
      answer.body.destroy();
    }
  }

  /**
   * Whether a request is one of ours that came back to us: it comes from the
   * local end of an upstream connection that waits for the answer to just this
   * request.
   *
   * @param peer where the request came from
   * @param listener where it came in
   * @param request the request
   */
  comesBack(
    peer: Deno.NetAddr,
    listener: Deno.NetAddr,
    { method, target }: Pick<UpstreamRequest, "method" | "target">,
  ): ComesBack | undefined {
    if (this.#unanswered.size === 0) return undefined;
    const sent = this.#unanswered.get(end(peer.hostname, peer.port));
    if (sent?.request.method !== method || sent.request.target !== target) {
      return undefined;
    }
    // On loopback nothing is redirected, but a client may have the same address
    // and port towards us as our own connection has towards the upstream.
    if (isLoopback(sent.to) && sent.port !== listener.port) return undefined;
    if (sent.cameBack === undefined) return "again";
    sent.cameBack();
    return "once";
  }

  /** Closes every connection. */
  close(): void {
    this.#source.close();
    this.#connections.close();
  }

  async #ask(
    address: UpstreamAddress,
    connection: Connection,
    request: UpstreamRequest,
    timeoutMs: number,
    cameBack?: () => void,
  ): Promise<UpstreamAnswer> {
    const { local, remote } = connection;
    const from = end(local.hostname, local.port);
    const { hostname: to, port } = remote;
    this.#unanswered.set(from, { request, to, port, cameBack });
    let late = false;
    const inTime = after(timeoutMs, () => {
      late = true;
      this.#connections.drop(connection);
    });
    let sent = false;
    // An answer may come before all was sent, even instead.
    connection.write(bytesOf(request)).then(() => sent = true, () => {});
    try {
      const head = await readHead(connection, request.method);
      const { status, fields, length, framing, keepsAlive } = head;
      if (!canBeSent(status)) {
        throw new UpstreamError("broken", `answered with status ${status}`);
      }
      const body = new AnswerBody(connection, framing, (whole) => {
        if (whole && sent && keepsAlive) {
          this.#connections.keep(address, connection);
        } else this.#connections.drop(connection);
      });
      return { status, headers: answerHeaders(fields), length, body };
    } catch (error) {
      this.#connections.drop(connection);
      throw late ? new UpstreamError("late", "no answer") : brokeOff(error);
    } finally {
      inTime();
      this.#unanswered.delete(from);
    }
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
  head += "Connection: keep-alive\r\n\r\n";
  const bytes = new Uint8Array(head.length + (body?.length ?? 0));
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  if (body !== undefined) bytes.set(body, head.length);
  return bytes;
}
