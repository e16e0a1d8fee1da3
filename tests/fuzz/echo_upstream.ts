/**
 * An upstream that reads strictly and says in each answer what was asked.
 *
 * @module
 */
import { bytesOf, textOf } from "../helpers/raw.ts";
import { answerHeadOf } from "./repeated_requests.ts";

/** What each body holds before it is rewritten, and afterwards. */
export const REAL_BODY = "us-east-1 useast-1 us-east-1a";
/** The same, rewritten. */
export const SHOWN_BODY = "us-iso-east-1 useast-1 us-iso-east-1a";

/** Where an answer says what was asked. */
export const ECHO = "x-echo";

/** Where it says which one it is; no two are the same. */
export const SERIAL = "x-serial";

/** An upstream that listens. */
export interface EchoUpstream extends AsyncDisposable {
  /** Where it listens. */
  readonly address: { readonly hostname: string; readonly port: number };
}

const REQUEST =
  // deno-lint-ignore no-control-regex -- control characters are the point
  /^(GET|HEAD|PUT|OPTIONS) \/[^\x00-\x20\x7f]* HTTP\/1\.1\r\nhost: [A-Za-z0-9.:_[\]-]*\r\n((?:[a-z0-9!#$%&'*+\-.^_`|~]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)(?:Content-Length: (0|[1-9]\d*)\r\n)?Connection: close\r\n\r\n/;

/** What no request may hold that goes up. */
const NEVER =
  /^(?:host|content-length|transfer-encoding|connection|expect|te|upgrade|trailer):/m;

/**
 * A short name for a request, equal for equal ones alone as far as fuzzers go.
 * Accept-Encoding counts for nothing: whether it goes up as it came depends on
 * whether the answer may be rewritten.
 *
 * @param raw its bytes, one character each
 */
export function echoOf(raw: string): string {
  const text = raw.replace(/\r\naccept-encoding: [^\r]*/, "");
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    one = Math.imul(one ^ code, 0x9e3779b1);
    other = Math.imul(other ^ code, 0x5f356495);
  }
  one = Math.imul(one ^ one >>> 16, 0x85ebca6b) ^ other >>> 13;
  return (other >>> 0).toString(16) + "-" + (one >>> 0).toString(16);
}

/**
 * Listens on loopback.
 *
 * @param seen told of each request, to the byte
 * @param bad told of bytes that are no request, or not one alone
 */
export function startEchoUpstream(
  seen: (raw: string) => void,
  bad: (bytes: string, why: string) => void,
): EchoUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serving = new Set<Promise<void>>();
  let answers = 0;

  const serve = async (conn: Deno.Conn): Promise<void> => {
    const buffer = new Uint8Array(128 * 1024);
    let unread = "";
    try {
      for (;;) {
        const size = await conn.read(buffer);
        if (size === null) break;
        unread += textOf(buffer.subarray(0, size));
        const request = wholeRequest(unread);
        if (request === undefined) continue;
        if (typeof request === "string") {
          bad(unread, request);
          return;
        }
        unread = "";
        seen(request.raw);
        const answer = answerTo(request, answers++);
        // Meanwhile others ask for the same.
        if (answer.includes("no-store")) await pause(5);
        await send(conn, answer);
        // A service may close at any time; the next request must not mind.
        if (answers % 16 === 0) break;
      }
      if (unread !== "") bad(unread, "cut off");
    } catch {
      // The proxy dropped it.
    } finally {
      open.delete(conn);
      conn.close();
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      const served = serve(conn);
      serving.add(served);
      served.then(() => serving.delete(served));
    }
  })();
  return {
    address: { hostname: "127.0.0.1", port: listener.addr.port },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      // The proxy has gone, and its connections with it.
      await Promise.all(serving);
    },
  };
}

interface WholeRequest {
  readonly raw: string;
  readonly method: string;
}

/** `undefined` while more must come; a text says why it is none. */
function wholeRequest(text: string): WholeRequest | string | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const [start, method = "", fields = "", length = "0"] = REQUEST.exec(text) ??
    [];
  if (start === undefined || start.length !== head + 4) return "not a request";
  if (NEVER.test(fields)) return "a field that must not go up";
  const size = start.length + Number(length);
  if (text.length > size) return "more than one request";
  return text.length < size ? undefined : { raw: text, method };
}

function answerTo({ raw, method }: WholeRequest, number: number): string {
  const [, target = ""] = raw.split(" ", 2);
  const head = `${answerHeadOf(target)}${ECHO}: ${echoOf(raw)}\r\n` +
    `${SERIAL}: ${number}\r\nContent-Type: text/plain\r\n`;
  if (number % 8 !== 0) {
    return `${head}Content-Length: ${REAL_BODY.length}\r\n\r\n` +
      (method === "HEAD" ? "" : REAL_BODY);
  }
  return `${head}Transfer-Encoding: chunked\r\n\r\n` +
    (method === "HEAD"
      ? ""
      : `${REAL_BODY.length.toString(16)}\r\n${REAL_BODY}\r\n0\r\n\r\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function send(conn: Deno.Conn, text: string): Promise<void> {
  let rest: Uint8Array = bytesOf(text);
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}
