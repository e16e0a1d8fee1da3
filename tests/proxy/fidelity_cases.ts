/**
 * The requests whose way through the proxy is compared with the direct way.
 *
 * @module
 */
import { answer } from "../helpers/upstream.ts";

/** One connection's worth of requests. */
export interface FidelityCase {
  /** What is special about it. */
  readonly name: string;
  /** All that the client sends, one character a byte. */
  readonly request: string;
  /** The methods of the requests in it; one GET unless given. */
  readonly methods?: readonly string[];
  /** What the upstream answers; a page in the usual form unless given. */
  readonly answer?: string;
  /** Whether the body may be rewritten: it may unless given. */
  readonly untouched?: true;
  /** The row of the table of differences under which it is refused, and how. */
  readonly refused?: RefusedCase;
}

/** An answer of the proxy's own. */
export interface RefusedCase {
  /** The row of the table of differences. */
  readonly row: string;
  /** The status. */
  readonly status: number;
  /** The body; none when no handler saw the request. */
  readonly body?: string;
}

/** Stands in a body for the `HOST:PORT` of the upstream. */
export const UPSTREAM = "{UPSTREAM}";

const HOST = "Host: 169.254.169.254";
const REGION = "/latest/meta-data/placement/region";
const TTL = "X-aws-ec2-metadata-token-ttl-seconds";

const HEAD_REFUSED: RefusedCase = { row: "head-refused", status: 400 };

function own(row: string, status: number, text: string): RefusedCase {
  return { row, status, body: `c2s-imds: ${text}\n` };
}

const METHOD_REFUSED = own(
  "method-refused",
  405,
  "Method not allowed: expected GET, HEAD, PUT, OPTIONS",
);

/** A request from its first line and headers. */
function of(
  line: string,
  headers: readonly string[] = [HOST],
  body = "",
): string {
  return [`${line} HTTP/1.1`, ...headers, "", body].join("\r\n");
}

/** A request that is named by its first line. */
function line(
  text: string,
  headers: readonly string[] = [HOST],
  body = "",
): FidelityCase {
  const name = [text.slice(0, 80), ...headers].join(", ");
  const [method = ""] = text.split(" ");
  return { name, request: of(text, headers, body), methods: [method] };
}

function headers(name: string, ...lines: readonly string[]): FidelityCase {
  return { name, request: of(`GET ${REGION}`, [HOST, ...lines]) };
}

function put(
  lines: readonly string[],
  body = "",
  target = "/latest/api/token",
): FidelityCase {
  return line(`PUT ${target}`, [HOST, ...lines], body);
}

function answered(text: string, method = "GET"): FidelityCase {
  return {
    name: `answer ${text.slice(0, 200)}`,
    request: of(`${method} ${REGION}`),
    methods: [method],
    answer: text,
  };
}

/** The first lines and fields of an answer, its body, without a length. */
function bare(...lines: readonly string[]): string {
  return `HTTP/1.1 ${lines.join("\r\n")}`;
}

const TYPE = "Content-Type: text/plain";
const OLD_DATE = "Date: Thu, 01 Jan 1970 00:00:00 GMT";

const MANY = Array.from({ length: 200 }, (_, i) => `X-${i}: ${i}`);

/** The cases. */
export const FIDELITY_CASES: readonly FidelityCase[] = [
  ...[
    "/",
    "//",
    "/latest",
    "/latest/",
    "//latest//meta-data///placement/region",
    "/latest/meta-data/placement/region/",
    "/latest/./meta-data/placement/region",
    "/latest/dynamic/../meta-data/placement/region",
    "/../latest/meta-data/placement/region",
    "/latest/%2e/meta-data",
    "/latest/%2e%2e/latest/meta-data",
    "/latest/meta%2Ddata/placement%2Fregion",
    "/latest/%zz",
    "/latest/%",
    "/latest/%ff%00",
    "/latest/Z\xc3\xbcrich",
    "/latest/\xe6\x9d\xb1\xe4\xba\xac?\xc3\xbc=\xc3\xbc",
    "/latest/meta-data/placement/region?",
    "/latest/meta-data/placement/region?recursive=true&us-east-1=%20",
    "/latest/meta-data/placement/region??a=?b",
    "/?",
    "/?/latest",
    "/latest\\meta-data",
    "/latest/~!$&'()*+,;=:@-._",
    "/latest/[x]|^`{}",
    '/latest/"<>',
    "/LATEST/META-DATA",
    `/latest/${"long/".repeat(2_000)}`,
    "/latest/meta-data#us-east-1",
    "http://169.254.169.254/latest//meta-data",
    "http://evil.example/latest/meta-data?x",
  ].map((target) => line(`GET ${target}`)),
  ...[
    "/latest/meta-data/iam/security-credentials/",
    "/latest//meta%2ddata/./iam/info",
    "/latest/user-data",
  ].map((target): FidelityCase => ({
    ...line(`GET ${target}`),
    untouched: true,
  })),
  ...["/latest/placement\x7fregion", "/latest/raw\xfflatin1\xe9", "/latest/a b"]
    .map((target): FidelityCase => ({
      ...line(`GET ${target}`),
      refused: HEAD_REFUSED,
    })),
  line("OPTIONS *"),
  line("GET /latest/", ["Host: metadata.evil.example"]),
  line("GET /latest/", ["host: 169.254.169.254:80"]),
  line("GET /latest/", ["HOST: [fd00:ec2::254]"]),
  line("GET /latest/", ["Host:"]),
  line("GET /latest/", ["Accept: */*"]),
  {
    ...line("GET /latest/", ["Host: a/evil"]),
    refused: own(
      "host-refused",
      400,
      "Bad Host header: expected a name or address, maybe a port",
    ),
  },
  {
    ...line("GET /latest/", [HOST, "Host: evil.example"]),
    refused: HEAD_REFUSED,
  },
  headers("header names in mixed case", "ACCEPT: */*", "x-LoWeR-UpPeR: 1"),
  headers("repeated headers", "X-A: 1", "X-B: 0", "x-a: 2", "X-A: 1"),
  headers("headers out of order", "Z: 1", "Accept: */*", "A: 2"),
  headers("spaces and tabs around a value", "X-A: \t padded \t", "X-B:none"),
  headers("a tab within a value", "X-A: a\tb"),
  headers("an empty value", "X-A:", "X-B: "),
  headers("a Latin-1 value", "X-A: Z\xfcrich"),
  headers("a UTF-8 value", "X-A: Z\xc3\xbcrich"),
  headers("every mark in a name", "!#$%&'*+-.^_`|~9: 1"),
  headers("a comma and quotes", 'X-A: "a, b", c;d=e'),
  headers("repeated Cookie", "Cookie: a=1", "Cookie: b=2"),
  headers("Forwarded and Via", "Forwarded: for=10.0.0.1", "Via: 1.1 x"),
  headers("Range", "Range: bytes=0-3"),
  headers("If-None-Match", 'If-None-Match: "1"'),
  headers("Accept-Encoding", "Accept-Encoding: gzip, br;q=0.5, zstd"),
  headers("a token", "X-aws-ec2-metadata-token: AQAEnonsense=="),
  headers("an empty token", "X-aws-ec2-metadata-token:"),
  headers("Connection: close", "Connection: close"),
  headers("Connection: keep-alive", "Connection: keep-alive", "Keep-Alive: 5"),
  headers("headers named by Connection", "Connection: X-Hop", "X-Hop: 1"),
  headers(
    "Connection naming what the service decides by",
    `Connection: host, X-Forwarded-For, X-aws-ec2-metadata-token, ${TTL}`,
    "X-Forwarded-For: 192.0.2.1",
    "X-aws-ec2-metadata-token: t",
    `${TTL}: 60`,
  ),
  headers("TE and Trailer", "TE: trailers", "Trailer: x"),
  headers("Upgrade", "Connection: Upgrade", "Upgrade: h2c"),
  headers("Proxy-Connection", "Proxy-Connection: keep-alive"),
  headers("Content-Length 0 on GET", "Content-Length: 0"),
  headers("Expect on GET", "Expect: 100-continue"),
  headers("100 headers", ...MANY.slice(100)),
  ...[MANY, [`X-A: ${"a".repeat(70_000)}`], ["X-A: a\r\n b"], ["X-A: a\x01b"]]
    .map((lines, i): FidelityCase => ({
      ...headers(`a head that is none, ${i}`, ...lines),
      refused: HEAD_REFUSED,
    })),
  {
    ...headers("Origin", "Origin: http://evil.example"),
    refused: own(
      "browser-refused",
      403,
      "Requests from browsers are refused",
    ),
  },
  {
    ...line("GET /", [HOST, "Content-Length: 3"], "abc"),
    refused: own(
      "body-refused",
      400,
      "A GET request cannot have a body here",
    ),
  },
  line(`HEAD ${REGION}`),
  line("HEAD /latest/", [HOST, "Content-Length: 0"]),
  { ...line("HEAD /latest/user-data"), untouched: true },
  {
    ...line("GET /latest/user-data", [HOST, "Accept-Encoding: gzip"]),
    untouched: true,
  },
  line("OPTIONS /latest/api/token"),
  line("OPTIONS /", [HOST, "Content-Length: 2"], "hi"),
  ...["CONNECT 169.254.169.254:80", "get /", "BREW /", "POST /latest/api/token"]
    .map((text): FidelityCase => ({ ...line(text), refused: METHOD_REFUSED })),
  put([`${TTL}: 21600`, "Content-Length: 0"]),
  put([`${TTL}: us-east-1`]),
  put([`${TTL}: 60`, "Content-Length: 9"], "us-east-1"),
  put(
    [`${TTL}: 60`, "Transfer-Encoding: chunked"],
    "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  ),
  put([`${TTL}: 60`, "Transfer-Encoding: chunked"], "0\r\n\r\n"),
  {
    // As Java's HttpClient asks.
    ...put([
      "Connection: Upgrade, HTTP2-Settings",
      "Content-Length: 0",
      "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
      "Upgrade: h2c",
      `${TTL}: 60`,
    ]),
    refused: { row: "upgrade-refused", status: 400 },
  },
  put([`${TTL}: 60`, "X-Forwarded-For: 10.0.0.1", "Content-Length: 0"]),
  put([`${TTL}: 60`, "Expect: 100-continue", "Content-Length: 2"], "hi"),
  put([`${TTL}: 60`], "", "/latest/api/token/"),
  put(["Accept-Encoding: gzip"]),
  ...[[HOST], [], [HOST, "Connection: keep-alive"]].map((lines, i) => ({
    name: `HTTP/1.0, ${i}`,
    request: of(`GET ${REGION}`, lines).replace("HTTP/1.1", "HTTP/1.0"),
  })),
  {
    name: "pipelining",
    request: of(`GET ${REGION}`) + of("HEAD /latest/") +
      of("GET /latest/meta-data/services/domain"),
    methods: ["GET", "HEAD", "GET"],
  },
  answered(bare(
    "200 OK",
    ...["SERVER: EC2ws", "x-lower: a", "X-Repeated: 1", "x-repeated: 2"],
    ...["X-Empty:", "X-Tab: a\tb", "X-Latin: \xfc", "Set-Cookie: a=1"],
    ...["Set-Cookie: b=2", "X-Region: us-east-1", "Content-Length: 2"],
    ...[TYPE, "", "hi"],
  )),
  answered(answer("us-east-1", [TYPE])),
  answered(answer("us-east-1", [TYPE], "404 Not Found")),
  answered(answer("us-east-1", [TYPE, 'ETag: "1"'])),
  answered(answer("us-east-1", [TYPE, OLD_DATE])),
  answered(bare("200 OK", TYPE, "Content-Length: 9", "", ""), "HEAD"),
  answered(bare("200 OK", "Server: x", "", ""), "HEAD"),
  answered(answer("hi")),
  answered(answer("")),
  answered(answer("hi", [OLD_DATE, "Server: x"])),
  answered(answer("no", [], "404 Nothing Here")),
  answered(answer("hi", [], "200 ")),
  answered(answer("no", [], "599 Odd")),
  answered(bare(
    ...["200 OK", "Transfer-Encoding: chunked", "Server: x", ""],
    ...["5", "us-ea", "4", "st-1", "0", "", ""],
  )),
  answered(bare("200 OK", "Connection: close", "Server: x", "", "us-east-1")),
  answered(`HTTP/1.0 200 OK\r\nServer: EC2ws\r\n${TYPE}\r\n\r\nus-east-1`),
  answered(answer("hi", ["Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 5"])),
  // Cut to their last eight bits, they would end the line.
  answered(answer("hi", ["X: \xc4\x8d\xc4\x8aX-Injected: \x85 %0d%0aX: yes"])),
  answered(bare("204 No Content", "Server: x", "", "")),
  answered(bare("304 Not Modified", 'ETag: "1"', "", "")),
  answered(bare("304 Not Modified", TYPE, "", "")),
  answered(bare("304 Not Modified", 'ETag: "1"', "Content-Length: 9", "", "")),
  {
    ...answered(
      answer("us-east-1", ["Content-Range: bytes 0-8/20"], "206 Partial"),
    ),
    untouched: true,
  },
  answered(answer("", ["Location: http://us-east-1.example/"], "302 Found")),
  answered(answer("no", ["Server: EC2ws", "X: y"], "401 Unauthorized")),
  {
    ...answered(answer("us-east-1", ["Content-Encoding: gzip", "ETag: x"])),
    untouched: true,
  },
  answered(
    answer("us-east-1", ['ETag: "1"', "Content-MD5: x", "Last-Modified: x"]),
  ),
  // More bytes than are handed over at once.
  answered(answer("x".repeat(10_000), ["Server: x"])),
  {
    ...answered(answer("", [], "205 Reset Content")),
    refused: own(
      "answer-refused",
      502,
      `Metadata service http://${UPSTREAM}: answered with status 205`,
    ),
  },
  answered("HTTP/1.1 100 Continue\r\n\r\n" + answer("hi")),
];
