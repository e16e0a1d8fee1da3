/**
 * Streams a body to a client, in constant memory.
 *
 * @module
 */
import { after } from "../system/timers.ts";
import type { RewriteStream } from "../rewrite/rewriter.ts";
import type { UpstreamAnswer } from "./upstream/answer_reader.ts";
import {
  brokeOff,
  ClientGone,
  type Failure,
  UpstreamError,
} from "./upstream/upstream_error.ts";

/** How long a client may leave a started answer unread, in milliseconds. */
const CLIENT_STALL_MS = 60_000;

const NOTHING = new Uint8Array(0);

/** How the rest of a body is streamed. */
export interface StreamOptions {
  /** What was read already. */
  readonly start: Uint8Array;
  /** Rewrites the bytes on their way, if they are to be. */
  readonly rewrite: RewriteStream | undefined;
  /** How long the service may pause, in milliseconds. */
  readonly stallMs: number;
  /** Called once when nothing more will come; with the error if it broke. */
  readonly onEnd: (failure?: Failure) => void;
}

/**
 * Streams a body from its start on: it is read only as fast as the client
 * takes it.
 *
 * @param body the body
 */
export function streamBody(
  body: UpstreamAnswer["body"],
  { start, rewrite, stallMs, onEnd }: StreamOptions,
): ReadableStream<Uint8Array> {
  let unsent: Uint8Array | undefined = start;
  let cancelTimer = () => {};
  let ended = false;
  const finish = (failure?: Failure) => {
    cancelTimer();
    body.destroy(failure);
    if (!ended) onEnd(failure);
    ended = true;
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

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      cancelTimer();
      try {
        for (;;) {
          const bytes = await next();
          const ready = rewrite === undefined
            ? bytes ?? NOTHING
            : bytes === undefined
            ? rewrite.end()
            : rewrite.push(bytes);
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
}
