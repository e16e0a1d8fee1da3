/**
 * Makes the answer to a client from the answer of the upstream.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { rewriteFields, setFields } from "../metadata/json_fields.ts";
import type { Refusal } from "./admission.ts";
import { readStart, streamBody, UNCHANGED } from "./body.ts";
import type { ClientStalled } from "./client_stalled.ts";
import { isOpaque } from "./content.ts";
import { type Header, headersOfRewritten } from "./headers.ts";
import { replacementOf } from "./replacement.ts";
import type { Treatment } from "./treatment.ts";
import type { UpstreamAnswer } from "./upstream.ts";
import type { UpstreamError } from "./upstream_error.ts";

/** Up to here an answer is complete before its first byte goes out. */
const WHOLE_LIMIT = 64 * 1024;

/** JSON is understood only as a whole; one over this goes on as it is. */
const JSON_LIMIT = 1024 * 1024;

/** Statuses without a body by definition; `Response` refuses one. */
const BODILESS: readonly number[] = [
  STATUS_CODE.NoContent,
  STATUS_CODE.NotModified,
];

const encoder = new TextEncoder();

/** An answer of the proxy's own: one line of plain text. */
export function ownAnswer({ status, reason }: Refusal): Response {
  const headers: [string, string][] = [["Content-Type", "text/plain"]];
  return new Response(encoder.encode(`c2s-imds: ${reason}\n`), {
    status,
    headers,
  });
}

/** An answer that is there as a whole. */
export interface WholeAnswer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers. */
  readonly headers: readonly Header[];
  /** The body; `null` where the status or the method has none. */
  readonly bytes: Uint8Array | null;
  /** Whether the upstream's body was another. */
  readonly rewritten?: boolean;
}

/** An answer whose body is still coming. */
export interface StreamedAnswer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers, and the length where it is known. */
  readonly headers: readonly Header[];
  /** The body. */
  readonly stream: ReadableStream<Uint8Array>;
}

/** An answer to a client. */
export type Answer = WholeAnswer | StreamedAnswer;

/**
 * Over this, a whole answer is handed over as a stream, of which `Deno.serve`
 * says when it was sent: clients that take nothing must not pile them up.
 */
const COUNTED_BYTES = 4 * 1024;

/** Makes the response that `Deno.serve` sends; a whole one as often as asked. */
export function respond(answer: Answer): Response {
  const { status } = answer;
  const bytes = "bytes" in answer ? answer.bytes : null;
  const isCounted = bytes !== null && bytes.length > COUNTED_BYTES;
  const body = "stream" in answer
    ? answer.stream
    : isCounted
    ? ReadableStream.from([bytes])
    : bytes;
  const response = new Response(body as BodyInit | null, { status });
  // Appended, they keep order and repeats, and cost half of what an array does.
  const { headers } = response;
  for (const [name, value] of answer.headers) headers.append(name, value);
  if (isCounted) headers.append("content-length", `${bytes.length}`);
  return response;
}

/** How an answer is made. */
export interface AnswerOptions {
  /** The request's method. */
  readonly method: string;
  /** What happens to the body. */
  readonly treatment: Treatment;
  /** When the start of the body must be there, on the clock of `performance`. */
  readonly deadline: number;
  /** How long the upstream may pause in a streamed body, in milliseconds. */
  readonly stallMs: number;
  /**
   * Called when the last byte of a streamed body went out, or none will; with
   * what went wrong, and whether any of it was changed.
   */
  readonly onStreamEnd: (
    error: UpstreamError | ClientStalled | undefined,
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
  options: AnswerOptions,
): Promise<Answer> {
  const { status, length, body, headers } = answer;
  const { treatment, deadline } = options;
  const { rule, edit } = treatment;
  const fields = status === STATUS_CODE.OK && edit?.kind === "fields"
    ? edit.fields
    : undefined;
  const limit = rule.kind === "json" || fields !== undefined
    ? JSON_LIMIT
    : WHOLE_LIMIT;
  const start = await readStart(body, limit, deadline - performance.now());
  if (BODILESS.includes(status)) return { status, headers, bytes: null };
  const replaced = replacementOf(answer, edit);
  if (replaced !== undefined) {
    if (!start.whole) body.destroy();
    if (options.method !== "HEAD") return { ...replaced, rewritten: true };
    return {
      ...replaced,
      headers: withLength(replaced.headers, `${replaced.bytes.length}`),
      bytes: null,
    };
  }
  if (options.method === "HEAD") {
    // The length of a body that may be rewritten is not known; without one,
    // `Deno.serve` claims 0 unless the body is a stream.
    const known = rule.kind === "untouched" && fields === undefined;
    if (!known || length === undefined) {
      return { status, headers, stream: new Blob([]).stream() };
    }
    return { status, headers: withLength(headers, length), bytes: null };
  }

  const opaque = status === STATUS_CODE.PartialContent ||
    isOpaque(contentEncoding(headers), start.bytes);
  const asItIs = rule.kind === "untouched" || opaque;
  if (start.whole) {
    const rewritten = asItIs
      ? start.bytes
      : rule.kind === "json"
      ? rewriteFields(start.bytes, rule.fields, treatment.rewrite)
      : treatment.rewrite(start.bytes);
    const bytes = fields === undefined || opaque
      ? rewritten
      : setFields(rewritten, fields);
    const same = bytes === start.bytes;
    return {
      status,
      headers: same ? headers : headersOfRewritten(headers),
      bytes,
      rewritten: !same,
    };
  }

  const unchanged = asItIs || rule.kind === "json";
  const passage = unchanged ? UNCHANGED : treatment.stream();
  const stream = streamBody(body, {
    start: start.bytes,
    passage,
    stallMs: options.stallMs,
    done: (error) => options.onStreamEnd(error, passage.changed),
  });
  if (!unchanged) {
    return { status, headers: headersOfRewritten(headers), stream };
  }
  return { status, headers: withLength(headers, length), stream };
}

function withLength(
  headers: readonly Header[],
  length: string | undefined,
): readonly Header[] {
  return length === undefined
    ? headers
    : [...headers, ["Content-Length", length]];
}

function contentEncoding(headers: readonly Header[]): string | undefined {
  const codings = headers.filter(([name]) =>
    name.toLowerCase() === "content-encoding"
  ).map(([, value]) => value);
  return codings.length === 0 ? undefined : codings.join(", ");
}
