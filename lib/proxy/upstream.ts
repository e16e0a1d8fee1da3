/**
 * The one upstream: sends a request up on a kept connection and hands back the
 * head of the answer, its body still to come.
 *
 * @module
 */
import * as http from "node:http";
import type { Socket } from "node:net";
import type { UpstreamAddress } from "../config/serve_config.ts";
import { answerHeaders, type Header } from "./headers.ts";
import { fixedSource, type UpstreamSource } from "./upstream_source.ts";
import { isLoopback, plainAddress } from "./peers.ts";
import { UpstreamError, upstreamError } from "./upstream_error.ts";

/** The most bytes an answer's head may have; real ones have about 300. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Idle connections kept for later. */
const MAX_IDLE_SOCKETS = 64;

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
  readonly body: http.IncomingMessage;
}

/** A request that went up, and the other end of its connection. */
interface SentRequest {
  readonly request: UpstreamRequest;
  readonly to: string;
  readonly port: number;
}

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
  readonly #kept = new http.Agent({
    keepAlive: true,
    maxFreeSockets: MAX_IDLE_SOCKETS,
  });
  readonly #fresh = new http.Agent({ keepAlive: false });
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
    this.#kept.on("free", (socket: Socket) => socket.on("data", dropIdle));
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
   * just then.
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
    for (const pause of [...PAUSES_MS, undefined]) {
      const address = await this.#locate(left());
      try {
        return await this.#sendTo(address, request, left());
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        if (error.fault !== "broken") this.#source.failed(address);
        const again = this.#source.moves && error.fault === "unreachable" &&
          pause !== undefined && pause < left();
        if (!again) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
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
    try {
      return await this.#attempt(address, request, this.#kept, timeoutMs);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      const left = Math.max(1, Math.ceil(deadline - performance.now()));
      return await this.#attempt(address, request, this.#fresh, left);
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
  isOwn(
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
    return !isLoopback(sent.to) || sent.port === listener.port;
  }

  /** Closes every connection. */
  close(): void {
    this.#source.close();
    this.#kept.destroy();
    this.#fresh.destroy();
  }

  #attempt(
    address: UpstreamAddress,
    request: UpstreamRequest,
    agent: http.Agent,
    timeoutMs: number,
  ): Promise<UpstreamAnswer> {
    return new Promise((resolve, reject) => {
      const { method, target, body } = request;
      const fields = request.headers.flat();
      if (body !== undefined) fields.push("Content-Length", `${body.length}`);
      let bytesBefore = 0;
      let socket: Socket | undefined;
      let from = "";
      let kept = false;
      const sent = http.request({
        host: address.hostname,
        port: address.port,
        method,
        path: target,
        headers: fields as unknown as http.OutgoingHttpHeaders,
        setHost: false,
        agent,
        maxHeaderSize: MAX_HEAD_BYTES,
      });
      let settled = false;
      const settle = () => {
        settled = true;
        clearTimeout(timer);
        this.#unanswered.delete(from);
      };
      const fail = (error: Error) => {
        if (settled) return;
        settle();
        const stale = kept && !(error instanceof UpstreamError) &&
          socket?.bytesRead === bytesBefore;
        reject(stale ? new StaleConnection() : upstreamError(error));
        sent.destroy();
      };
      const timer = setTimeout(() => {
        fail(
          new UpstreamError("late", `no answer within ${timeoutMs / 1000} s`),
        );
      }, timeoutMs);
      sent.on("socket", (taken: Socket) => {
        taken.off("data", dropIdle);
        socket = taken;
        bytesBefore = taken.bytesRead;
        kept = sent.reusedSocket;
        // Deno sends a request on a kept connection again by itself, even one
        // that was destroyed: https://github.com/denoland/deno/issues/36786
        sent.reusedSocket = false;
        whenConnected(taken, () => {
          from = end(taken.localAddress ?? "", taken.localPort ?? 0);
          const { remoteAddress: to = "", remotePort: port = 0 } = taken;
          if (!settled) this.#unanswered.set(from, { request, to, port });
        });
      });
      sent.on("response", (answer: http.IncomingMessage) => {
        // An error with nobody listening would end the process.
        answer.on("error", () => {});
        const status = answer.statusCode ?? 0;
        if (!canBeSent(status)) {
          fail(new UpstreamError("broken", `answered with status ${status}`));
          return;
        }
        if (settled) return;
        settle();
        resolve({
          status,
          headers: answerHeaders(answer.rawHeaders),
          length: answer.headers["content-length"],
          body: answer,
        });
      });
      sent.on("upgrade", () => {
        fail(
          new UpstreamError("broken", "answered with a change of protocol"),
        );
      });
      sent.on("error", fail);
      sent.end(body);
    });
  }
}

/**
 * Drops an idle connection on which bytes come: they belong to no request, and
 * what follows would be taken for the answer to the next one.
 */
function dropIdle(this: Socket): void {
  this.destroy();
}

function whenConnected(socket: Socket, act: () => void): void {
  if (socket.connecting) socket.once("connect", act);
  else act();
}

/** A kept connection that died before it carried a byte of the answer. */
class StaleConnection extends Error {}

function end(address: string, port: number): string {
  return `${plainAddress(address)} ${port}`;
}
