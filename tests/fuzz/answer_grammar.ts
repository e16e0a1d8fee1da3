/**
 * Makes what services answer: right, and with all that RFC 9112 allows them.
 *
 * @module
 */
import type { RawHeader } from "../helpers/raw.ts";
import type { Random } from "../helpers/random.ts";

/** An answer on its way. */
export interface MadeAnswer {
  /** All its bytes, one character each. */
  readonly text: string;
  /** What comes behind it and belongs to nothing. */
  readonly surplus: string;
  /** Whether only the end of the connection ends it. */
  readonly byEnd: boolean;
  /** The status code. */
  readonly status: number;
  /** The end-to-end header. */
  readonly headers: readonly RawHeader[];
  /** The body. */
  readonly body: string;
}

/** What must never be taken for an answer. */
export const POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/** Statuses that are handed on. */
const STATUSES: readonly number[] = [
  ...[200, 200, 200, 200, 200, 404, 401, 403, 204, 304, 206, 301, 400],
  ...[429, 500, 503, 299, 418, 599],
];

const HEADERS: readonly RawHeader[] = [
  ["Server", "EC2ws"],
  ["Content-Type", "text/plain"],
  ["content-type", "application/json;charset=utf-8"],
  ["ETag", '"2394923490"'],
  ["Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"],
  ["X-Repeated", "1"],
  ["x-repeated", "2"],
  ["Set-Cookie", "a=b"],
  ["Set-Cookie", "c=d"],
  ["X-Empty", ""],
  ["X-Odd", "a\xa0\xff\x80b"],
  ["X-Inner", "a \t b: c, d; e"],
  ["!#$%&'*+-.^_`|~9", "name"],
  ["X-Content-Length", "5"],
  ["X-aws-ec2-metadata-token-ttl-seconds", "21600"],
];

/** As much as is read at once, in bytes. */
const READ = 16_384;

const PAD = "\r\nX-Pad: ";

/** The sizes at which something ends: a read, a piece that is kept whole. */
const SIZES: readonly number[] = [
  ...[0, 1, 2, 10, 100, 600, 4_095, 4_096, 4_097],
  ...[16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537],
];

/**
 * Makes an answer.
 *
 * @param random draws all of it
 * @param method the request's method
 */
export function makeAnswer(random: Random, method: string): MadeAnswer {
  const status = random.pick(STATUSES);
  const version = random.int(6) > 0 ? "HTTP/1.1" : "HTTP/1.0";
  const old = version === "HTTP/1.0";
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const headers: RawHeader[] = random.list(5, () => random.pick(HEADERS));
  const content = random.int(20) === 0
    ? "x".repeat(random.pick(SIZES))
    : bodyOf(random);
  const framing = random.pick(
    old ? ["length", "end"] : [
      "length",
      "length",
      "chunks",
      "chunks",
      "end",
    ],
  );
  const hop: RawHeader[] = [];
  if (framing === "length") {
    hop.push([spelled(random, "Content-Length"), `${content.length}`]);
  } else if (framing === "chunks") {
    hop.push([
      spelled(random, "Transfer-Encoding"),
      random.pick(["chunked", "chunked", "Chunked"]),
    ]);
  }
  hop.push(...random.pick<readonly RawHeader[]>([
    ...[[], [], [], []],
    [["Connection", "close"]],
    [["Connection", "Keep-Alive"], ["Keep-Alive", "timeout=5, max=100"]],
    [["connection", "X-Hop, keep-alive"], ["X-Hop", "1"]],
    [["Proxy-Connection", "keep-alive"]],
    [["Trailer", "X-T"]],
  ]));
  const surplus = random.int(4) === 0
    ? random.pick([POISON, POISON, "\r\n", "0\r\n\r\n", "x"])
    : "";
  const lines = shuffled(random, [
    ...headers.map(mark),
    ...hop.map((it) => ({
      field: it,
      kept: false,
    })),
  ]);
  const head = [
    `${version} ${status}${
      random.pick([" OK", " ", "", " Nicht gefunden \xe4", " a  b"])
    }`,
    ...lines.map(({ field: [name, value], kept }) =>
      kept ? fieldLine(random, name, value) : `${name}: ${value}`
    ),
  ].join("\r\n");
  const body = bodiless
    ? ""
    : framing === "chunks"
    ? chunksOf(random, content)
    : content;
  const byEnd = !bodiless && framing === "end";
  const start = interim(random, old) + head;
  const end = `\r\n\r\n${body}`;
  // At times the surplus stands just behind what is read at once.
  const room = READ - start.length - end.length - PAD.length;
  const padding = surplus !== "" && room > 0 && random.int(4) === 0
    ? "x".repeat(room)
    : undefined;
  return {
    text: padding === undefined ? start + end : start + PAD + padding + end,
    surplus: byEnd ? "" : surplus,
    byEnd,
    status,
    headers: [
      ...lines.filter(({ kept }) => kept).map(({ field }) => field),
      ...(padding === undefined ? [] : [["X-Pad", padding] as const]),
    ],
    body: bodiless ? "" : content,
  };
}

function mark(field: RawHeader) {
  return { field, kept: true };
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  const rest = [...values];
  return values.map(() => rest.splice(random.int(rest.length), 1)[0] as T);
}

function spelled(random: Random, name: string): string {
  return random.pick([name, name, name.toLowerCase(), name.toUpperCase()]);
}

function fieldLine(random: Random, name: string, value: string): string {
  const [before, after] = random.pick([
    [" ", ""],
    [" ", ""],
    ["", ""],
    ["\t ", " \t"],
  ]);
  return `${name}:${before}${value}${after}`;
}

/** Answers of status 100 to 199, which HTTP/1.0 does not have. */
function interim(random: Random, old: boolean): string {
  if (old || random.int(8) > 0) return "";
  return random.list(3, () =>
    random.pick([
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
      "HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n",
    ])).join("");
}

function bodyOf(random: Random): string {
  return random.list(random.pick([0, 3, 12]), () =>
    random.pick([
      "us-east-1",
      "\r\n",
      "0\r\n\r\n",
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
      "\0\xff",
      String.fromCharCode(random.int(256)),
      "meta-data/\n",
    ])).join("");
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
