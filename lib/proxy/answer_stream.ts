/**
 * Streams a body to a client, in constant memory.
 *
 * @module
 */
import { after } from "../system/timers.ts";
import type { UpstreamAnswer } from "./upstream/upstream.ts";
import {
  brokeOff,
  ClientGone,
  UpstreamError,
} from "./upstream/upstream_error.ts";

/** How long a client may leave a started answer unread, in milliseconds. */
const CLIENT_STALL_MS = 60_000;

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
  /** How long the service may pause, in milliseconds. */
  readonly stallMs: number;
}

/** Why a stream ended early. */
export type StreamFailure = UpstreamError | ClientGone;

/** A body on its way to a client. */
export interface BodyStream {
  /** The bytes. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Settles when nothing more will come; with the error if it broke. */
  readonly ended: Promise<StreamFailure | undefined>;
}

/**
 * Streams a body from its start on: it is read only as fast as the client
 * takes it.
 *
 * @param body the body
 */
export function streamBody(
  body: UpstreamAnswer["body"],
  { start, passage, stallMs }: StreamOptions,
): BodyStream {
  const { promise: ended, resolve } = Promise.withResolvers<
    StreamFailure | undefined
  >();
  let unsent: Uint8Array | undefined = start;
  let cancelTimer = () => {};
  const finish = (failure?: StreamFailure) => {
    cancelTimer();
    body.destroy(failure);
    resolve(failure);
  };

  const next = async (): Promise<Uint8Array | undefined> => {
    if (unsent !== undefined) {
      const bytes = unsent;
      unsent = undefined;
      return bytes;
    }
    cancelTimer = after(stallMs, () =>
      body.destroy(
        new UpstreamError("late", "the body did not go on in time"),
      ));
    try {
      // What was read holds until the next read; the client may be slower.
      return (await body.read())?.slice();
    } finally {
      cancelTimer();
    }
  };

  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      cancelTimer();
      try {
        for (;;) {
          const bytes = await next();
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
        cancelTimer = after(CLIENT_STALL_MS, () => {
          const gone = new ClientGone("stopped reading");
          controller.error(gone);
          finish(gone);
        });
      } catch (error) {
        const failure = brokeOff(error);
        finish(failure);
        // The client may have left meanwhile; then nobody takes the error.
        controller.error(failure);
      }
    },
    cancel: () => finish(),
  }, { highWaterMark: 0 });
  return { stream, ended };
}
