/**
 * Makes what services answer: right, and with all that RFC 9112 allows them.
 *
 * @module
 */
import type { RawHeader } from "../helpers/raw.ts";
import type { Random } from "../helpers/random.ts";

/** An answer on its way, and how it is to be understood. */
export interface MadeAnswer {
  /** All its bytes, one character each. */
  readonly text: string;
  /** Whether only the end of the connection ends it. */
  readonly byEnd: boolean;
  /** The status code. */
  readonly status: number;
  /** The end-to-end header. */
  readonly headers: readonly RawHeader[];
  /** The body. */
  readonly body: string;
}

/** Statuses that are handed on. */
const STATUSES: readonly number[] = [
  ...[200, 200, 200, 200, 200, 404, 401, 403, 204, 304, 206, 301, 400],
  ...[429, 500, 503, 299, 418, 599],
];

const HEADERS: readonly RawHeader[] = [
  ["Server", "EC2ws"],
  ["content-type", "application/json;charset=utf-8"],
  ["X-Repeated", "1"],
  ["x-repeated", "2"],
  ["Set-Cookie", "a=b"],
  ["Set-Cookie", "c=d"],
  ["X-Empty", ""],
  ["X-Odd", "a\xa0\xff\x80b"],
  ["X-Inner", "a \t b: c, d; e"],
  ["!#$%&'*+-.^_`|~9", "name"],
  ["X-Content-Length", "5"],
];

/** Those of one connection, which are not handed on. */
const HOPS: ReadonlyArray<readonly RawHeader[]> = [
  ...[[], [], [], []],
  [["Connection", "close"]],
  [["Connection", "Keep-Alive"], ["Keep-Alive", "timeout=5, max=100"]],
  [["connection", "X-Hop, keep-alive"], ["X-Hop", "1"]],
  [["Proxy-Connection", "keep-alive"]],
  [["Trailer", "X-T"]],
];

/** What may stand before and after a value. */
const SPACES = [[" ", ""], [" ", ""], ["", ""], ["\t ", " \t"]] as const;

const CODINGS: readonly string[] = ["chunked", "chunked", "Chunked"];

/** Answers before the answer, which HTTP/1.0 does not have. */
const INTERIM: readonly string[] = [
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
  "HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n",
];

/** What comes behind an answer and belongs to nothing. */
const SURPLUS: readonly string[] = [
  ...["", "", "", "\r\n", "0\r\n\r\n", "x"],
  "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
];

/** The sizes at which something ends: a read, a piece that is kept whole. */
const SIZES: readonly number[] = [
  ...[0, 1, 2, 10, 100, 600, 4_095, 4_096, 4_097],
  ...[16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537],
];

const PARTS: readonly string[] = [
  ...["us-east-1", "\r\n", "0\r\n\r\n", "\0\xff", "\x80", "meta-data/\n"],
  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
];

/**
 * Makes an answer.
 *
 * @param random draws all of it
 * @param method the request's method
 */
export function makeAnswer(random: Random, method: string): MadeAnswer {
  const status = random.pick(STATUSES);
  const old = random.int(6) === 0;
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const headers = random.list(5, () => random.pick(HEADERS));
  const content = random.int(20) === 0
    ? "x".repeat(random.pick(SIZES))
    : random.list(random.pick([0, 3, 12]), () => random.pick(PARTS)).join("");
  const framing = random.int(5) === 0
    ? "end"
    : old || random.int(2) === 0
    ? "length"
    : "chunks";
  const framed: RawHeader[] = framing === "length"
    ? [[spelled(random, "Content-Length"), `${content.length}`]]
    : framing === "chunks"
    ? [[spelled(random, "Transfer-Encoding"), random.pick(CODINGS)]]
    : [];
  const reason = random.pick([" OK", " ", "", " Nicht gefunden \xe4", " a  b"]);
  const byEnd = !bodiless && framing === "end";
  const lines = headers.map(([name, value]) => {
    const [before, after] = random.pick(SPACES);
    return `${name}:${before}${value}${after}\r\n`;
  });
  const at = random.int(lines.length + 1);
  const text = [
    old || random.int(8) > 0
      ? ""
      : random.list(3, () => random.pick(INTERIM)).join(""),
    `HTTP/1.${old ? 0 : 1} ${status}${reason}\r\n`,
    ...lines.slice(0, at),
    ...[...framed, ...random.pick(HOPS)].map(([name, value]) =>
      `${name}: ${value}\r\n`
    ),
    ...lines.slice(at),
    "\r\n",
    bodiless ? "" : framing === "chunks" ? chunksOf(random, content) : content,
    byEnd ? "" : random.pick(SURPLUS),
  ].join("");
  return { text, byEnd, status, headers, body: bodiless ? "" : content };
}
function spelled(random: Random, name: string): string {
  return random.pick([name, name, name.toLowerCase(), name.toUpperCase()]);
}

function chunksOf(random: Random, text: string): string {
  let chunks = "";
  const most = random.pick([1, 5, 700, 20_000]);
  // Thousands of chunks of one byte show no more than hundreds.
  const least = Math.ceil(text.length / 300);
  for (let at = 0; at < text.length;) {
    const part = text.slice(at, at + least + random.int(most));
    at += part.length;
    const size = part.length.toString(16);
    chunks += random.pick([size, size, size.toUpperCase(), `00${size}`]) +
      random.pick(["", "", "", ";a", ";a=b", ';a="b;c"']) + `\r\n${part}\r\n`;
  }
  return chunks + random.pick(["0", "0", "000", "0;last"]) + "\r\n" +
    random.pick(["", "", "X-T: 1\r\n", "X-T: 1\r\nX-U:\r\n"]) + "\r\n";
}
