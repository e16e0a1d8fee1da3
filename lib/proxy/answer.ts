/**
 * Makes the answer to a client from the answer of the upstream.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { rewriteFields } from "../metadata/json_fields.ts";
import type { Refusal } from "./admission.ts";
import { readStart, streamBody, UNCHANGED } from "./body.ts";
import { isOpaque } from "./content.ts";
import { type Header, headersOfRewritten } from "./headers.ts";
import type { Treatment } from "./treatment.ts";
import type { UpstreamAnswer, UpstreamError } from "./upstream.ts";

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
  /** Called when the body is streamed rather than sent whole. */
  readonly onStream: () => void;
  /** Called when the last byte of a streamed body went out, or none will. */
  readonly onStreamEnd: (error?: UpstreamError) => void;
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
): Promise<Response> {
  const { status, length, body } = answer;
  const { treatment, deadline } = options;
  const { rule } = treatment;
  const limit = rule.kind === "json" ? JSON_LIMIT : WHOLE_LIMIT;
  const start = await readStart(body, limit, deadline - performance.now());
  const respond = (
    bytes: Uint8Array | ReadableStream<Uint8Array> | null,
    headers: readonly Header[],
  ) =>
    new Response(bytes as BodyInit | null, {
      status,
      headers: headers as [string, string][],
    });

  if (BODILESS.includes(status)) return respond(null, answer.headers);
  if (options.method === "HEAD") {
    // The length of a body that may be rewritten is not known; without one,
    // `Deno.serve` claims 0 unless the body is a stream.
    if (rule.kind !== "untouched" || length === undefined) {
      return respond(new Blob([]).stream(), answer.headers);
    }
    return respond(null, [...answer.headers, ["Content-Length", length]]);
  }

  const asItIs = rule.kind === "untouched" ||
    status === STATUS_CODE.PartialContent ||
    isOpaque(contentEncoding(answer.headers), start.bytes);
  if (start.whole) {
    const bytes = asItIs
      ? start.bytes
      : rule.kind === "json"
      ? rewriteFields(start.bytes, rule.fields, treatment.rewrite)
      : treatment.rewrite(start.bytes);
    return respond(
      bytes,
      bytes === start.bytes
        ? answer.headers
        : headersOfRewritten(answer.headers),
    );
  }

  options.onStream();
  const unchanged = asItIs || rule.kind === "json";
  const stream = streamBody(body, {
    start: start.bytes,
    passage: unchanged ? UNCHANGED : treatment.stream(),
    stallMs: options.stallMs,
    done: options.onStreamEnd,
  });
  if (!unchanged) return respond(stream, headersOfRewritten(answer.headers));
  return respond(
    stream,
    length === undefined
      ? answer.headers
      : [...answer.headers, ["Content-Length", length]],
  );
}

function contentEncoding(headers: readonly Header[]): string | undefined {
  const codings = headers.filter(([name]) =>
    name.toLowerCase() === "content-encoding"
  ).map(([, value]) => value);
  return codings.length === 0 ? undefined : codings.join(", ");
}
