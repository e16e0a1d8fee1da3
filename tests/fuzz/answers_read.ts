/**
 * Reads what a server sent as answers, strictly: every byte must belong to one.
 *
 * @module
 */
import { type RawHeader, valuesOf } from "../helpers/raw.ts";

/** An answer. */
export interface ReadAnswer {
  /** The status code. */
  readonly status: number;
  /** The header, names in lower case. */
  readonly headers: readonly RawHeader[];
  /** The body. */
  readonly body: string;
}

/** All that stands in some bytes. */
export interface AnswersRead {
  /** The answers, those of status 100 to 199 left out. */
  readonly answers: readonly ReadAnswer[];
  /** What follows the last whole one. */
  readonly rest: "nothing" | "begun" | "bad";
}

const HEAD =
  /^HTTP\/1\.[01] ([1-5]\d\d) [\t\x20-\x7e]*\r\n((?:[\w!#$%&'*+\-.^`|~]+: ?[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/;

/**
 * Reads answers.
 *
 * @param bytes all that a server sent, one character a byte
 * @param methods those of the requests, in turn
 */
export function readAnswers(
  bytes: string,
  methods: readonly string[],
): AnswersRead {
  const answers: ReadAnswer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const text = bytes.slice(at);
    const head = HEAD.exec(text);
    if (head === null) {
      const rest = text.includes("\r\n\r\n") ? "bad" : "begun";
      return { answers, rest };
    }
    at += head[0].length;
    const status = Number(head[1]);
    if (status < 200) continue;
    const headers = (head[2] ?? "").split("\r\n").slice(0, -1)
      .map((line): RawHeader => {
        const colon = line.indexOf(":");
        return [
          line.slice(0, colon).toLowerCase(),
          line.slice(colon + 1).trim(),
        ];
      });
    const size = sizeOf(status, headers, methods[answers.length] ?? "GET");
    if (size === undefined) return { answers, rest: "bad" };
    if (bytes.length < at + size) return { answers, rest: "begun" };
    answers.push({ status, headers, body: bytes.slice(at, at + size) });
    at += size;
  }
  return { answers, rest: "nothing" };
}

/** All answers are small: they come with a length, and with one alone. */
function sizeOf(
  status: number,
  headers: readonly RawHeader[],
  method: string,
): number | undefined {
  const lengths = valuesOf({ headers }, "content-length");
  if (valuesOf({ headers }, "transfer-encoding").length > 0) return undefined;
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  return lengths.length === 1 && /^\d+$/.test(lengths[0] ?? "")
    ? Number(lengths[0])
    : undefined;
}
