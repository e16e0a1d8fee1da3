/**
 * A client of a metadata service that asks the way SDKs do: one request, sent
 * as it is, on a connection of its own.
 *
 * @module
 */
import type * as Http from "node:http";
import { concat } from "./bytes.ts";
import { after } from "./timers.ts";

/** Where IMDSv2 issues tokens, by PUT. */
export const TOKEN_TARGET = "/latest/api/token";

/** Asks for a token: how long it shall hold, 1 to 21600 seconds. */
export const TOKEN_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds";

/** Carries the token. */
export const TOKEN_HEADER = "X-aws-ec2-metadata-token";

/** The most bytes a body may have; real ones end at 16 KiB of user data. */
const MAX_BODY_BYTES = 1024 * 1024;

/** One question. */
export interface MetadataQuestion {
  /** The service as `http://HOST[:PORT]`, nothing after it. */
  readonly url: string;
  /** The method, GET unless given. */
  readonly method?: string;
  /** The origin-form target; it goes up byte for byte. */
  readonly target: string;
  /** Headers beside Host and Connection. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the whole answer may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** A whole answer. */
export interface MetadataAnswer {
  /** The status code. */
  readonly status: number;
  /** The headers, by names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body's bytes. */
  readonly body: Uint8Array;
}

/**
 * Loads what questions are asked by, which takes 0.1 s the first time: whoever
 * measures does it before.
 */
export function loadClient(): Promise<typeof Http> {
  return import("node:http");
}

/**
 * Asks one question. No proxy, no redirect, no connection that was used
 * before, and nothing sent but what the question says.
 *
 * @param question what to ask, and where
 * @throws {Error} when no whole answer comes in time: the message names the
 * service and why, the cause is the system's error where there is one, and
 * `Deno.errors.TimedOut` when time ran out
 */
export async function askMetadata(
  question: MetadataQuestion,
): Promise<MetadataAnswer> {
  try {
    return await ask(await loadClient(), question);
  } catch (cause) {
    throw new Error(`Cannot ask ${question.url}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function ask(
  http: typeof Http,
  { url, method = "GET", target, headers = {}, timeoutMs }: MetadataQuestion,
): Promise<MetadataAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<MetadataAnswer>();
  const agent = new http.Agent({ keepAlive: false });
  const sent = http.request(url, { method, path: target, headers, agent });
  const fail = (error: Error) => {
    reject(error);
    sent.destroy();
  };
  const cancel = after(
    timeoutMs,
    () =>
      fail(new Deno.errors.TimedOut(`no answer within ${timeoutMs / 1000} s`)),
  );
  sent.on("error", fail);
  sent.on("close", () => fail(new Error("the connection broke off")));
  sent.on("upgrade", () => fail(new Error("an answer with another protocol")));
  sent.on("response", (answer: Http.IncomingMessage) => {
    const pieces: Uint8Array[] = [];
    let size = 0;
    answer.on("error", fail);
    answer.on("data", (piece: Uint8Array) => {
      pieces.push(piece);
      size += piece.length;
      if (size > MAX_BODY_BYTES) {
        fail(new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`));
      }
    });
    answer.on("end", () => {
      if (!answer.complete) return;
      resolve({
        status: answer.statusCode ?? 0,
        headers: new Map(
          Object.entries(answer.headersDistinct)
            .map(([name, values = []]) => [name, values.join(", ")]),
        ),
        body: concat(pieces),
      });
    });
  });
  sent.end();
  return promise.finally(cancel);
}

/** A code such as ECONNREFUSED says more than the message around it. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
}
