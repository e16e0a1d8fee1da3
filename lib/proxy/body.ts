/**
 * Reads an answer's body: its start at once, the rest as it is asked for.
 *
 * @module
 */
import type { AnswerBody } from "./answer_body.ts";
import { ClientStalled } from "./client_stalled.ts";
import { brokeOff, UpstreamError } from "./upstream_error.ts";
import { after } from "../system/timers.ts";

/** How long a client may leave a started answer unread, in milliseconds. */
const CLIENT_STALL_MS = 60_000;

/** The start of a body. */
export interface BodyStart {
  /** The bytes so far. */
  readonly bytes: Uint8Array;
  /** Whether that is all of it. */
  readonly whole: boolean;
}

/**
 * Reads until the body ends or more than `limit` bytes are there.
 *
 * @param body the body
 * @param limit how many bytes are enough
 * @param timeoutMs how long that may take, in milliseconds
 * @throws {UpstreamError} when it breaks off or takes too long
 */
export async function readStart(
  body: AnswerBody,
  limit: number,
  timeoutMs: number,
): Promise<BodyStart> {
  const all = body.takeWhole();
  if (all !== undefined) return { bytes: all, whole: true };
  const chunks: Uint8Array[] = [];
  let size = 0;
  let late = false;
  const inTime = after(timeoutMs, () => {
    late = true;
    body.destroy();
  });
  try {
    for (;;) {
      const chunk = await body.read();
      const whole = chunk === undefined;
      if (chunk !== undefined) {
        chunks.push(chunk.slice());
        size += chunk.length;
      }
      if (whole || size > limit) return { bytes: joined(chunks, size), whole };
    }
  } catch (error) {
    throw late
      ? new UpstreamError("late", "the body did not come in time")
      : error;
  } finally {
    inTime();
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** What is done to the bytes on their way. */
export interface Passage {
  /** Whether what went on so far differs from what came. */
  readonly changed: boolean;
  /** Takes the next bytes and gives what may go on. */
  push(chunk: Uint8Array): Uint8Array;
  /** Gives what was held back. */
  end(): Uint8Array;
}

/** Bytes go on as they come. */
export const UNCHANGED: Passage = {
  changed: false,
  push: (chunk) => chunk,
  end: () => new Uint8Array(0),
};

/** How the rest of a body is streamed. */
export interface StreamOptions {
  /** What was read already. */
  readonly start: Uint8Array;
  /** What is done to the bytes. */
  readonly passage: Passage;
  /** How long the upstream may pause, in milliseconds. */
  readonly stallMs: number;
  /** Called once, when nothing more will come; with the error if it broke. */
  readonly done: (error?: UpstreamError | ClientStalled) => void;
}

/**
 * Streams a body from its start on, in constant memory: it is read only as
 * fast as the client takes it.
 *
 * @param body the body
 */
export function streamBody(
  body: AnswerBody,
  options: StreamOptions,
): ReadableStream<Uint8Array> {
  const { passage, stallMs, done } = options;
  let start: Uint8Array | undefined = options.start;
  let inTime = () => {};
  let ended = false;

  const finish = (error?: UpstreamError | ClientStalled) => {
    inTime();
    if (ended) return;
    ended = true;
    body.destroy();
    done(error);
  };
  const nextOf = async (): Promise<Uint8Array | undefined> => {
    let late = false;
    inTime = after(stallMs, () => {
      late = true;
      body.destroy();
    });
    try {
      // What was read holds until the next read; the client may be slower.
      return (await body.read())?.slice();
    } catch (error) {
      throw late
        ? new UpstreamError("late", "the body did not go on in time")
        : error;
    } finally {
      inTime();
    }
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      inTime();
      try {
        for (;;) {
          const bytes = start ?? await nextOf();
          start = undefined;
          const ready = bytes === undefined
            ? passage.end()
            : passage.push(bytes);
          // All of it may be the beginning of a name: then more is needed.
          if (ready.length > 0) controller.enqueue(ready);
          if (bytes === undefined) {
            controller.close();
            return finish();
          }
          if (ready.length > 0) break;
        }
        inTime = after(CLIENT_STALL_MS, () => {
          const error = new ClientStalled();
          controller.error(error);
          finish(error);
        });
      } catch (error) {
        if (ended) return;
        const fault = brokeOff(error);
        controller.error(fault);
        finish(fault);
      }
    },
    cancel() {
      finish();
    },
  }, { highWaterMark: 0 });
}
