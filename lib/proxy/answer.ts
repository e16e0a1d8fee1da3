/**
 * Makes the answer to a client from the answer of the upstream.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { replacementOf } from "../rewrite/edits.ts";
import { rewriteFields, setFields } from "../rewrite/json_fields.ts";
import type { BodyRewrite } from "../rewrite/policy.ts";
import {
  isEncoded,
  isOpaque,
  type RewriteStream,
} from "../rewrite/rewriter.ts";
import { after } from "../system/timers.ts";
import type { Refusal } from "./admission.ts";
import {
  type Header,
  headersOfReplaced,
  headersOfRewritten,
  valuesOf,
} from "./headers.ts";
import type { UpstreamAnswer } from "./upstream/answer_reader.ts";
import {
  brokeOff,
  ClientGone,
  type Failure,
  UpstreamError,
} from "./upstream/upstream_error.ts";

/** Up to here an answer is complete before its first byte goes out. */
const WHOLE_LIMIT = 64 * 1024;

/**
 * JSON is understood only as a whole; one over this goes on as it is. Real
 * documents have 0.5 to 60 KiB.
 */
const JSON_LIMIT = 256 * 1024;

/** Statuses without a body by definition; `Response` refuses one. */
const BODILESS: readonly number[] = [
  STATUS_CODE.NoContent,
  STATUS_CODE.NotModified,
];

const encoder = new TextEncoder();

/** An answer of the proxy's own: one line of plain text. */
export function ownAnswer({ status, reason }: Refusal): Response {
  const headers: [string, string][] = [["Content-Type", "text/plain"]];
  const body = encoder.encode(`c2s-imds: ${reason}\n`);
  return new Response(body, { status, headers });
}

/** An answer to a client. */
export interface Answer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers; of a stream also the length, where it is known. */
  readonly headers: readonly Header[];
  /** The body, or where it is still coming; `null` where there is none. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** Whether the upstream's body was another; of a stream nobody knows yet. */
  readonly rewritten?: boolean;
}

/**
 * Over this, a whole answer is handed over as a stream, of which `Deno.serve`
 * says when it was sent: clients that take nothing must not pile them up.
 */
const COUNTED_BYTES = 4 * 1024;

/** Makes the response that `Deno.serve` sends; a whole one as often as asked. */
export function respond({ status, headers: given, body }: Answer): Response {
  const isCounted = body instanceof Uint8Array && body.length > COUNTED_BYTES;
  const sent = isCounted ? ReadableStream.from([body]) : body;
  const response = new Response(sent as BodyInit | null, { status });
  // Appended, they keep order and repeats, and cost half of what an array does.
  const { headers } = response;
  for (const [name, value] of given) headers.append(name, value);
  if (isCounted) headers.append("content-length", `${body.length}`);
  return response;
}

/** How an answer is made. */
export interface AnswerOptions {
  /** The request's method. */
  readonly method: string;
  /** What happens to the body. */
  readonly rewrite: BodyRewrite;
  /** How long the upstream may pause in a streamed body, in milliseconds. */
  readonly stallMs: number;
  /** Called where a body would be rewritten, but came compressed. */
  readonly onCompressed: () => void;
  /**
   * Called when the last byte of a streamed body went out, or none will: what
   * went wrong, if anything, and whether any of it was changed.
   */
  readonly onStreamEnd: (
    failure: Failure | undefined,
    rewritten: boolean,
  ) => void;
}

/**
 * Makes the answer.
 *
 * @param answer the upstream's
 * @throws {UpstreamError} when the start of the body does not come in time
 */
export async function answerOf(
  answer: UpstreamAnswer,
  { method, rewrite, stallMs, onCompressed, onStreamEnd }: AnswerOptions,
): Promise<Answer> {
  const { status, length, body, headers } = answer;
  const { rule, edit } = rewrite;
  const hasFields = status === STATUS_CODE.OK && edit?.kind === "fields";
  const isJson = rule.kind === "json" || hasFields;
  const start = await body.start(isJson ? JSON_LIMIT : WHOLE_LIMIT);
  if (BODILESS.includes(status)) return { status, headers, body: null };
  const replacement = replacementOf(status, edit);
  if (replacement !== undefined) {
    if (!start.whole) body.destroy();
    const { bytes, contentType } = replacement;
    const replaced = {
      status: replacement.status,
      headers: headersOfReplaced(headers, contentType),
    };
    return method === "HEAD"
      ? headOf({ ...replaced, length: `${bytes.length}` })
      : { ...replaced, body: bytes, rewritten: true };
  }
  const mayChange = rule.kind !== "untouched" || hasFields;
  // The length of a body that may be rewritten is not known.
  if (method === "HEAD") {
    return headOf({ status, headers, length: mayChange ? undefined : length });
  }

  const encoding = valuesOf(headers, "content-encoding").join();
  if (mayChange && isEncoded(encoding)) onCompressed();
  const isText = status !== STATUS_CODE.PartialContent &&
    !isOpaque(encoding, start.bytes);
  if (start.whole) {
    const output = isText
      ? rewritten(status, start.bytes, rewrite)
      : start.bytes;
    return output === start.bytes ? { status, headers, body: output } : {
      status,
      headers: headersOfRewritten(headers),
      body: output,
      rewritten: true,
    };
  }

  const stream = isText && rule.kind === "rewrite"
    ? rewrite.stream()
    : undefined;
  return {
    status,
    headers: stream === undefined
      ? withLength(headers, length)
      : headersOfRewritten(headers),
    body: streamBody(body, {
      start: start.bytes,
      rewrite: stream,
      stallMs,
      onEnd: (failure) => onStreamEnd(failure, stream?.changed ?? false),
    }),
  };
}

/**
 * An answer to HEAD. `Deno.serve` claims a length of 0 for one without, unless
 * its body is a stream.
 */
function headOf(
  { status, headers, length }: Omit<UpstreamAnswer, "body">,
): Answer {
  return {
    status,
    headers: withLength(headers, length),
    body: length === undefined ? new Blob([]).stream() : null,
  };
}

/**
 * Rewrites a body that is there as a whole.
 *
 * @param status the status of its answer
 * @returns the same array where nothing matched
 */
export function rewritten(
  status: number,
  bytes: Uint8Array,
  { rule, edit, rewrite }: BodyRewrite,
): Uint8Array {
  const output = rule.kind === "untouched"
    ? bytes
    : rule.kind === "json"
    ? rewriteFields(bytes, rule.fields, rewrite)
    : rewrite(bytes);
  return status === STATUS_CODE.OK && edit?.kind === "fields"
    ? setFields(output, edit.fields)
    : output;
}

function withLength(
  headers: readonly Header[],
  length: string | undefined,
): readonly Header[] {
  return length === undefined
    ? headers
    : [...headers, ["Content-Length", length]];
}

/** How long a client may leave a started answer unread, in milliseconds. */
const CLIENT_STALL_MS = 60_000;

const NOTHING = new Uint8Array(0);

/** How the rest of a body is streamed. */
interface StreamOptions {
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
function streamBody(
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
