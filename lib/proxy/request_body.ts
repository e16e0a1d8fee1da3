/**
 * Reads a request's body, bounded in size and time.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { MAX_REQUEST_BODY, type Refusal, tooLarge } from "./admission.ts";
import { after } from "../system/timers.ts";

/** The body of a request. */
export interface RequestBody {
  /** Its bytes; `undefined` where the method has no body at all. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * The most bodies that are read at one time: those that do not come must leave
 * places for requests without one, and each costs 190 KiB in `Deno.serve`.
 */
export const MAX_BODIES = 256;

/** Reads bodies. */
export class RequestBodies {
  #reading = 0;

  /**
   * Reads the whole body of a request.
   *
   * @param request the request
   * @param timeoutMs how long it may take, in milliseconds
   * @returns the body, or why it is refused
   */
  async read(
    request: Request,
    timeoutMs: number,
  ): Promise<RequestBody | Refusal> {
    const { headers, method } = request;
    const length = headers.get("content-length");
    const hasLength = method === "PUT" || method !== "HEAD" && length !== null;
    const nothing = { bytes: hasLength ? new Uint8Array(0) : undefined };
    // Requests for tokens have none: over HTTP/1.1 it would be announced.
    const isAnnounced = headers.has("transfer-encoding") ||
      length !== null && length !== "0";
    const body = isAnnounced ? request.body : null;
    if (body === null) return nothing;
    if (this.#reading >= MAX_BODIES) {
      return {
        status: STATUS_CODE.ServiceUnavailable,
        reason: `Too many request bodies at one time: limit ${MAX_BODIES}`,
      };
    }
    this.#reading++;
    try {
      return await readAll(request, body, timeoutMs);
    } finally {
      this.#reading--;
    }
  }
}

async function readAll(
  { headers, method }: Request,
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
): Promise<RequestBody | Refusal> {
  const reader = body.getReader();
  let late = false;
  const inTime = after(timeoutMs, () => {
    late = true;
    reader.cancel().catch(() => {});
  });
  // It grows with what came: what was only promised must cost nothing, and
  // pieces of one byte no more than their bytes.
  let bytes = new Uint8Array(0);
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return tooSlow(timeoutMs);
      if (done) break;
      if (size + value.length > MAX_REQUEST_BODY) {
        await reader.cancel();
        return tooLarge();
      }
      if (size + value.length > bytes.length) {
        const grown = new Uint8Array(Math.max(2 * size, size + value.length));
        grown.set(bytes.subarray(0, size));
        bytes = grown;
      }
      bytes.set(value, size);
      size += value.length;
    }
  } catch {
    return late ? tooSlow(timeoutMs) : {
      status: STATUS_CODE.BadRequest,
      reason: "Incomplete request body",
    };
  } finally {
    inTime();
  }
  const none = size === 0 && method === "OPTIONS" &&
    !headers.has("content-length");
  return { bytes: none ? undefined : bytes.slice(0, size) };
}

function tooSlow(timeoutMs: number): Refusal {
  return {
    status: STATUS_CODE.RequestTimeout,
    reason: `Request body did not come within ${timeoutMs / 1000} s`,
  };
}
