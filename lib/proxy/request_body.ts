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
 * Reads the whole body.
 *
 * @param request the request
 * @param timeoutMs how long it may take, in milliseconds
 * @returns the body, or why it is refused
 */
export async function readRequestBody(
  request: Request,
  timeoutMs: number,
): Promise<RequestBody | Refusal> {
  const { body, method } = request;
  if (method !== "PUT" && body === null) return { bytes: undefined };
  if (body === null) return { bytes: new Uint8Array(0) };
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
    !request.headers.has("content-length");
  return { bytes: none ? undefined : bytes.slice(0, size) };
}

function tooSlow(timeoutMs: number): Refusal {
  return {
    status: STATUS_CODE.RequestTimeout,
    reason: `Request body did not come within ${timeoutMs / 1000} s`,
  };
}
