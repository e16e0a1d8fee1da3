/**
 * A client of a metadata service that asks the way SDKs do: one request, sent
 * as it is, on a connection of its own.
 *
 * @module
 */
import { TimeLimit } from "./upstream/time_limit.ts";
import { Upstream } from "./upstream/upstream.ts";
import { detailOf } from "./upstream/upstream_error.ts";

/** Where IMDSv2 issues tokens, by PUT. */
export const TOKEN_TARGET = "/latest/api/token";

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
  /** The headers, by names in lower case; the last of those that repeat. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body's bytes. */
  readonly body: Uint8Array;
}

/** What a target or header may hold; others could be read as another line. */
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * Asks one question. No proxy, no redirect, no connection that was used
 * before, and nothing sent but what the question says.
 *
 * @param question what to ask, and where
 * @throws {Error} when no whole answer comes in time: the message names the
 * service and why, the cause is an `UpstreamError` where the service failed
 */
export async function askMetadata(
  { url, method = "GET", target, headers = {}, timeoutMs }: MetadataQuestion,
): Promise<MetadataAnswer> {
  const { hostname, port } = new URL(url);
  const upstream = new Upstream({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 80 : Number(port),
  });
  const limit = new TimeLimit(timeoutMs);
  try {
    const fields = Object.entries({ Host: upstream.authority, ...headers });
    if (![target, ...fields.flat()].every((text) => PRINTABLE.test(text))) {
      throw new Error("a question that cannot be sent");
    }
    // SDKs announce the body that their PUT lacks.
    const body = method === "PUT" ? new Uint8Array() : undefined;
    const request = { method, target, headers: fields, body };
    const answer = await upstream.send(request, limit);
    const { bytes, whole } = await answer.body.start(MAX_BODY_BYTES);
    if (!whole) throw new Error(`more than ${MAX_BODY_BYTES} bytes`);
    return {
      status: answer.status,
      headers: new Map(
        answer.headers.map(([name, value]) => [name.toLowerCase(), value]),
      ),
      body: bytes,
    };
  } catch (cause) {
    throw new Error(`Cannot ask ${url}: ${detailOf(cause)}`, { cause });
  } finally {
    limit[Symbol.dispose]();
    upstream.close();
  }
}
