/**
 * Reads an answer's body: its start at once, the rest as it is asked for.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { UpstreamError, upstreamError } from "./upstream_error.ts";

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
 * Reads until the body ends or more than `limit` bytes are there; the body is
 * paused then.
 *
 * @param body the body
 * @param limit how many bytes are enough
 * @param timeoutMs how long that may take, in milliseconds
 * @throws {UpstreamError} when it breaks off or takes too long
 */
export function readStart(
  body: IncomingMessage,
  limit: number,
  timeoutMs: number,
): Promise<BodyStart> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const settle = (act: () => void) => {
      clearTimeout(timer);
      body.off("data", onData).off("end", onEnd).off("close", onClose);
      body.off("error", onError);
      act();
    };
    const onData = (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= limit) return;
      body.pause();
      settle(() => resolve({ bytes: joined(chunks, size), whole: false }));
    };
    const onEnd = () =>
      settle(() => resolve({ bytes: joined(chunks, size), whole: true }));
    const onError = (error: Error) =>
      settle(() => reject(upstreamError(error)));
    const onClose = () =>
      settle(() =>
        reject(new UpstreamError("broken", "broke off: incomplete body"))
      );
    const timer = setTimeout(() => {
      settle(() =>
        reject(new UpstreamError("late", "the body did not come in time"))
      );
      body.destroy();
    }, Math.max(1, timeoutMs));
    body.on("data", onData).on("end", onEnd).on("close", onClose);
    body.on("error", onError);
  });
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
  /** Takes the next bytes and gives what may go on. */
  push(chunk: Uint8Array): Uint8Array;
  /** Gives what was held back. */
  end(): Uint8Array;
}

/** Bytes go on as they come. */
export const UNCHANGED: Passage = {
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
  readonly done: (error?: UpstreamError) => void;
}

/**
 * Streams a body from its start on, in constant memory: it is read only as
 * fast as the client takes it.
 *
 * @param body the paused body
 */
export function streamBody(
  body: IncomingMessage,
  options: StreamOptions,
): ReadableStream<Uint8Array> {
  const { start, passage, stallMs, done } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let wanted: (() => void) | undefined;
  let ended = false;

  const finish = (error?: UpstreamError) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (error !== undefined) {
      controller.error(error);
      body.destroy();
    }
    wanted?.();
    done(error);
  };
  const expect = (ms: number, message: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => finish(new UpstreamError("late", message)), ms);
  };
  const awaitMore = () => expect(stallMs, "the body did not go on in time");
  const give = (bytes: Uint8Array) => {
    // All of it may be the beginning of a name: then more is needed.
    if (bytes.length === 0) return awaitMore();
    controller.enqueue(bytes);
    body.pause();
    expect(CLIENT_STALL_MS, "the client stopped reading");
    wanted?.();
    wanted = undefined;
  };

  return new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
      body.on("data", (chunk: Uint8Array) => {
        if (!ended) give(passage.push(chunk));
      });
      body.on("end", () => {
        if (ended) return;
        const rest = passage.end();
        if (rest.length > 0) controller.enqueue(rest);
        controller.close();
        finish();
      });
      body.on("error", (error: Error) => finish(upstreamError(error)));
      body.on(
        "close",
        () => finish(new UpstreamError("broken", "broke off: incomplete body")),
      );
      body.pause();
      give(passage.push(start));
    },
    pull() {
      if (ended) return;
      return new Promise<void>((resolve) => {
        wanted = resolve;
        awaitMore();
        body.resume();
      });
    },
    cancel() {
      ended = true;
      clearTimeout(timer);
      body.destroy();
      wanted?.();
      done();
    },
  }, { highWaterMark: 0 });
}
