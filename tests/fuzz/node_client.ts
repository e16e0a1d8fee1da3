/**
 * Asks by `node:http`, whose parser the world's traffic has tried.
 *
 * @module
 */
import * as http from "node:http";
import { Buffer } from "node:buffer";
import { answerHeaders } from "../../lib/proxy/headers.ts";
import type { RawHeader } from "../helpers/raw.ts";

/** An answer as a client understood it. */
export interface Understood {
  /** The status code. */
  readonly status: number;
  /** The end-to-end header. */
  readonly headers: readonly RawHeader[];
  /** The body. */
  readonly body: string;
}

/** Answers larger than this are not made. */
const MOST_HEAD = 256 * 1024;

/**
 * Asks on a connection of its own.
 *
 * @returns the answer, or why it is none
 */
export function askByNode(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  method: string,
  path: string,
  timeoutMs: number,
): Promise<Understood | string> {
  const { promise, resolve } = Promise.withResolvers<Understood | string>();
  const request = http.request({
    hostname,
    port,
    method,
    path,
    agent: false,
    maxHeaderSize: MOST_HEAD,
  });
  request.maxHeadersCount = 0;
  const timer = setTimeout(() => settle("late"), timeoutMs);
  const settle = (outcome: Understood | string) => {
    clearTimeout(timer);
    request.destroy();
    resolve(outcome);
  };
  request.on("upgrade", () => settle("upgrade"));
  let read: (() => Understood | undefined) | undefined;
  request.on("error", (error) => {
    // Bytes behind an answer that was whole take nothing from it.
    if (read?.() === undefined) settle(String(error));
  });
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    read = () =>
      response.complete
        ? {
          status: response.statusCode ?? 0,
          headers: answerHeaders(pairsOf(response.rawHeaders)),
          body: Buffer.concat(chunks).toString("latin1"),
        }
        : undefined;
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", (error) => settle(String(error)));
    response.on("aborted", () => settle("aborted"));
    response.on("end", () => settle(read?.() ?? "incomplete"));
  });
  request.end();
  return promise;
}

/** Names and values in turn, as pairs. */
function pairsOf(raw: readonly string[]): RawHeader[] {
  return raw.flatMap((name, i) => i % 2 ? [] : [[name, raw[i + 1] ?? ""]]);
}
