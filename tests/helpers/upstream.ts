/**
 * An upstream on a plain socket: it records the bytes it received and answers
 * with chosen ones, so that no server's own habits hide a difference.
 *
 * @module
 */
import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import * as net from "node:net";
import { once } from "node:events";
import {
  bytesOf,
  headersOf,
  linesOf,
  type RawHeader,
  textOf,
  valuesOf,
} from "./raw.ts";

/** A request as it came in. */
export interface Received {
  /** The number of its connection, from 0. */
  readonly connection: number;
  /** Its bytes, one character each. */
  readonly raw: string;
  /** The method. */
  readonly method: string;
  /** The target. */
  readonly target: string;
  /** As in `HTTP/1.1`. */
  readonly version: string;
  /** Every header, in the order of the wire. */
  readonly headers: readonly RawHeader[];
  /** The body, chunks put together. */
  readonly body: string;
}

/** The upstream's side of one connection. */
export interface Connection {
  /** Its number, from 0. */
  readonly number: number;
  /** The port of the other side. */
  readonly peerPort: number;
  /** Settles when it is closed. */
  readonly closed: Promise<void>;
  /** Sends bytes; settles when the socket took them, `false` if it is gone. */
  write(data: string | Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Closes in order. */
  end(): void;
  /** Breaks it with a reset. */
  reset(): void;
}

/** Answers a request; what it throws fails the test at disposal. */
export type Script = (
  request: Received,
  connection: Connection,
) => unknown;

/** An upstream that listens. */
export interface RawUpstream extends AsyncDisposable {
  /** Where it listens. */
  readonly address: UpstreamAddress;
  /** The requests so far, whole ones only. */
  readonly requests: readonly Received[];
  /** All bytes so far, by connection. */
  readonly bytes: readonly string[];
  /** How many connections stand open. */
  readonly open: number;
}

/** How an upstream behaves beside its script. */
export interface UpstreamOptions {
  /** Called as soon as a head is there, instead of with the whole request. */
  readonly onHead?: Script;
}

/**
 * An address where nobody listens: a port that the kernel gives to nobody. One
 * that was just closed may take a connection for a moment.
 */
export function nowhere(hostname = "127.0.0.1") {
  return { hostname, port: 20_000 + Math.floor(Math.random() * 10_000) };
}

/** A whole answer with a Content-Length. */
export function answer(
  body: string,
  headers: readonly string[] = [],
  status = "200 OK",
): string {
  return [
    `HTTP/1.1 ${status}`,
    ...headers,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/**
 * Starts an upstream on loopback.
 *
 * @param script answers each request
 */
export async function startUpstream(
  script: Script,
  options: UpstreamOptions = {},
): Promise<RawUpstream> {
  const requests: Received[] = [];
  const bytes: string[] = [];
  const sockets = new Set<net.Socket>();
  const failures: unknown[] = [];
  const running = new Set<Promise<void>>();
  const run = (work: () => unknown) => {
    const done = (async () => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    })();
    running.add(done);
    done.then(() => running.delete(done));
  };
  const server = net.createServer((socket) => {
    const number = bytes.push("") - 1;
    const connection = connectionOn(socket, number);
    let unread = "";
    let headSeen = false;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Uint8Array) => {
      const text = textOf(chunk);
      bytes[number] += text;
      unread += text;
      for (;;) {
        const head = options.onHead !== undefined && !headSeen
          ? headOf(unread, number)
          : undefined;
        if (head !== undefined) {
          headSeen = true;
          run(() => options.onHead?.(head, connection));
        }
        const request = requestOf(unread, number);
        if (request === undefined) break;
        unread = unread.slice(request.raw.length);
        headSeen = false;
        requests.push(request);
        run(() => script(request, connection));
      }
    });
  });
  const hostname = "127.0.0.1";
  server.listen(0, hostname);
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return {
    address: { hostname, port },
    requests,
    bytes,
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      await Promise.all(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}

function connectionOn(socket: net.Socket, number: number): Connection {
  return {
    number,
    peerPort: socket.remotePort ?? 0,
    closed: new Promise((resolve) => socket.once("close", () => resolve())),
    write: (data) =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve(false);
        const bytes = typeof data === "string" ? bytesOf(data) : data;
        const gone = () => resolve(false);
        socket.once("close", gone);
        socket.write(bytes, (error) => {
          socket.off("close", gone);
          resolve(!error);
        });
      }),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  };
}

function headOf(text: string, connection: number): Received | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = linesOf(text.slice(0, end));
  const [, method = "", target = "", version = ""] =
    /^(\S*) (.*) (HTTP\/\S*)$/s.exec(first) ?? [];
  return {
    connection,
    raw: text.slice(0, end + 4),
    method,
    target,
    version,
    headers: headersOf(lines),
    body: "",
  };
}

/** The first whole request in the text. */
function requestOf(text: string, connection: number): Received | undefined {
  const head = headOf(text, connection);
  if (head === undefined) return undefined;
  const start = head.raw.length;
  if (valuesOf(head, "transfer-encoding").includes("chunked")) {
    return chunked(text, head);
  }
  const length = Number(valuesOf(head, "content-length")[0] ?? 0) || 0;
  if (text.length < start + length) return undefined;
  const raw = text.slice(0, start + length);
  return { ...head, raw, body: raw.slice(start) };
}

function chunked(text: string, head: Received): Received | undefined {
  let at = head.raw.length;
  let body = "";
  for (;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = parseInt(text.slice(at, line), 16);
    const end = line + 2 + size + 2;
    if (text.length < end) return undefined;
    body += text.slice(line + 2, line + 2 + size);
    at = end;
    if (size === 0) return { ...head, raw: text.slice(0, at), body };
  }
}
