/**
 * What of a request goes up: its target, byte for byte, and its body, bounded
 * in size and time.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { concat } from "../system/bytes.ts";
import { after } from "../system/timers.ts";
import { MAX_REQUEST_BODY, type Refusal, TOO_LARGE } from "./admission.ts";

/** Everything `http://HOST` may be followed by. */
const TARGET_START = /[/?#]/;

const encoder = new TextEncoder();

/**
 * The request target as the client sent it, one character a byte, taken out of
 * the URL that `Deno.serve` hands over: `new URL()` would normalise it, and the
 * service answers `/latest//` and `/latest/` differently.
 *
 * @param url the request's URL: `http://`, the client's Host, its target
 */
export function originTarget(url: string): string {
  const authority = url.indexOf("//") + 2;
  const start = url.slice(authority).search(TARGET_START);
  if (start < 0) return "/";
  const target = url.slice(authority + start);
  return binary(target.startsWith("/") ? target : `/${target}`);
}

/**
 * A target without its query, as logs have it.
 *
 * @param target an origin-form target
 */
export function pathOf(target: string): string {
  return target.replace(/\?.*$/s, "");
}

/** `Deno.serve` decodes UTF-8 in targets; this undoes it. */
function binary(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is the point
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte))
    .join("");
}

/**
 * The most bodies that are read at one time: those that do not come must leave
 * places for requests without one, and each costs 190 KiB in `Deno.serve`.
 */
export const MAX_BODIES = 256;

/**
 * Reads bodies.
 *
 * @returns what reads the whole body of a request within a time in
 * milliseconds: its bytes, none where the method has no body at all, or why it
 * is refused
 */
export function requestBodies(): (
  request: Request,
  timeoutMs: number,
) => Promise<Uint8Array | undefined | Refusal> {
  let reading = 0;
  return async (request, timeoutMs) => {
    const { headers, method } = request;
    const nothing = method === "PUT" ? new Uint8Array(0) : undefined;
    // Requests for tokens have none: over HTTP/1.1 it would be announced.
    const isAnnounced = headers.has("transfer-encoding") ||
      (headers.get("content-length") ?? "0") !== "0";
    const body = isAnnounced ? request.body : null;
    if (body === null) return nothing;
    if (reading >= MAX_BODIES) {
      return {
        status: STATUS_CODE.ServiceUnavailable,
        reason: `Too many request bodies at one time: limit ${MAX_BODIES}`,
      };
    }
    reading++;
    try {
      const read = await readAll(body, timeoutMs);
      return read instanceof Uint8Array && read.length === 0 ? nothing : read;
    } finally {
      reading--;
    }
  };
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
): Promise<Uint8Array | Refusal> {
  const reader = body.getReader();
  let late: Refusal | undefined;
  const cancelTimer = after(timeoutMs, () => {
    late = {
      status: STATUS_CODE.RequestTimeout,
      reason: `Request body did not come within ${timeoutMs / 1000} s`,
    };
    reader.cancel().catch(() => {});
  });
  // It grows with what came: what was only promised must cost nothing, and
  // pieces of one byte no more than their bytes.
  let bytes = new Uint8Array(0);
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late !== undefined) return late;
      if (done) return bytes.slice(0, size);
      if (size + value.length > MAX_REQUEST_BODY) {
        await reader.cancel();
        return TOO_LARGE;
      }
      if (size + value.length > bytes.length) {
        bytes = concat([bytes, new Uint8Array(size + value.length)]);
      }
      bytes.set(value, size);
      size += value.length;
    }
  } catch {
    return late ?? {
      status: STATUS_CODE.BadRequest,
      reason: "Incomplete request body",
    };
  } finally {
    cancelTimer();
  }
}
