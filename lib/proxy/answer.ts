/**
 * Makes the answer to a client from the answer of the upstream.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { replacementOf } from "../rewrite/edits.ts";
import { rewriteFields, setFields } from "../rewrite/json_fields.ts";
import type { Refusal } from "./admission.ts";
import { streamBody, type StreamFailure, UNCHANGED } from "./answer_stream.ts";
import { isEncoded, isOpaque } from "../rewrite/opaque_body.ts";
import {
  type Header,
  headersOfReplaced,
  headersOfRewritten,
} from "./headers.ts";
import type { BodyRewrite } from "../rewrite/policy.ts";
import type { UpstreamAnswer } from "./upstream/upstream.ts";

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

/** How a streamed answer ended. */
export interface StreamEnd {
  /** What went wrong, if anything. */
  readonly failure?: StreamFailure | undefined;
  /** Whether any of it was changed. */
  readonly rewritten: boolean;
}

/** An answer whose body is still coming. */
export interface StreamedAnswer {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers, and the length where it is known. */
  readonly headers: readonly Header[];
  /** The body. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Settles when its last byte went out, or none will. */
  readonly ended: Promise<StreamEnd>;
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
  readonly rewrite: BodyRewrite;
  /** How long the upstream may pause in a streamed body, in milliseconds. */
  readonly stallMs: number;
  /** Called where a body would be rewritten, but came compressed. */
  readonly onCompressed: () => void;
}

/**
 * Makes the answer.
 *
 * @param answer the upstream's
 * @throws {UpstreamError} when the start of the body does not come in time
 */
export async function answerOf(
  answer: UpstreamAnswer,
  { method, rewrite, stallMs, onCompressed }: AnswerOptions,
): Promise<Answer> {
  const { status, length, body, headers } = answer;
  const { rule, edit } = rewrite;
  const fields = status === STATUS_CODE.OK && edit?.kind === "fields"
    ? edit.fields
    : undefined;
  const isJson = rule.kind === "json" || fields !== undefined;
  const start = await body.start(isJson ? JSON_LIMIT : WHOLE_LIMIT);
  if (BODILESS.includes(status)) return { status, headers, bytes: null };
  const replacement = replacementOf(status, edit);
  if (replacement !== undefined) {
    if (!start.whole) body.destroy();
    const replaced = {
      ...replacement,
      headers: headersOfReplaced(headers, replacement.contentType),
    };
    return method === "HEAD"
      ? headOf({ ...replaced, length: `${replaced.bytes.length}` })
      : { ...replaced, rewritten: true };
  }
  const mayChange = rule.kind !== "untouched" || fields !== undefined;
  // The length of a body that may be rewritten is not known.
  if (method === "HEAD") {
    return headOf({ status, headers, length: mayChange ? undefined : length });
  }

  const encoding = contentEncoding(headers);
  if (mayChange && encoding !== undefined && isEncoded(encoding)) {
    onCompressed();
  }
  const isText = status !== STATUS_CODE.PartialContent &&
    !isOpaque(encoding, start.bytes);
  if (start.whole) {
    const bytes = isText ? rewritten(start.bytes, rewrite) : start.bytes;
    const output = isText && fields !== undefined
      ? setFields(bytes, fields)
      : bytes;
    if (output === start.bytes) return { status, headers, bytes: output };
    return {
      status,
      headers: headersOfRewritten(headers),
      bytes: output,
      rewritten: true,
    };
  }

  const changes = isText && rule.kind === "rewrite";
  const passage = changes ? rewrite.stream() : UNCHANGED;
  const { stream, ended } = streamBody(body, {
    start: start.bytes,
    passage,
    stallMs,
  });
  return {
    status,
    headers: changes
      ? headersOfRewritten(headers)
      : withLength(headers, length),
    stream,
    ended: ended.then((failure) => ({ failure, rewritten: passage.changed })),
  };
}

/**
 * An answer to HEAD. `Deno.serve` claims a length of 0 for one without, unless
 * its body is a stream.
 */
function headOf(
  { status, headers, length }: Pick<
    UpstreamAnswer,
    "status" | "headers" | "length"
  >,
): Answer {
  if (length !== undefined) {
    return { status, headers: withLength(headers, length), bytes: null };
  }
  const ended = Promise.resolve({ rewritten: false });
  return { status, headers, stream: new Blob([]).stream(), ended };
}

function rewritten(
  bytes: Uint8Array,
  { rule, rewrite }: BodyRewrite,
): Uint8Array {
  if (rule.kind === "untouched") return bytes;
  return rule.kind === "json"
    ? rewriteFields(bytes, rule.fields, rewrite)
    : rewrite(bytes);
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
