/**
 * The requests whose way through the proxy is compared with the direct way.
 *
 * @module
 */

/** One connection's worth of requests. */
export interface FidelityCase {
  /** What is special about it. */
  readonly name: string;
  /** All that the client sends, one character a byte. */
  readonly request: string;
  /** The methods of the requests in it; one GET unless given. */
  readonly methods?: readonly string[];
  /** What the raw upstream answers; a page in the usual form unless given. */
  readonly answer?: string;
  /** What of the body is rewritten: all unless given. */
  readonly rewritten?: "all" | "zone" | "nothing";
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

/** Stands in a request for a token that holds. */
export const TOKEN = "{TOKEN}";

const HOST = "Host: 169.254.169.254";

const HEAD_REFUSED: RefusedCase = { row: "head-refused", status: 400 };
const METHOD_REFUSED: RefusedCase = {
  row: "method-refused",
  status: 405,
  body: "c2s-imds: Method not allowed: expected GET, HEAD, PUT, OPTIONS\n",
};

/** A request from its first line and headers. */
function of(
  line: string,
  headers: readonly string[] = [HOST],
  body = "",
): string {
  return [line, ...headers, "", body].join("\r\n");
}

function target(
  text: string,
  rewritten: "all" | "zone" | "nothing" = "all",
): FidelityCase {
  return {
    name: `target ${text.slice(0, 80)}`,
    request: of(`GET ${text} HTTP/1.1`),
    rewritten,
  };
}

function headers(name: string, ...lines: readonly string[]): FidelityCase {
  return {
    name,
    request: of("GET /latest/meta-data/placement/region HTTP/1.1", [
      HOST,
      ...lines,
    ]),
  };
}

function put(
  name: string,
  lines: readonly string[],
  body = "",
  target = "/latest/api/token",
): FidelityCase {
  return {
    name: `PUT ${name}`,
    request: of(`PUT ${target} HTTP/1.1`, [HOST, ...lines], body),
    methods: ["PUT"],
  };
}

const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const REGION = "/latest/meta-data/placement/region";

function answered(
  name: string,
  answer: string,
  method = "GET",
): FidelityCase {
  return {
    name: `answer ${name}`,
    request: of(`${method} ${REGION} HTTP/1.1`),
    methods: [method],
    answer,
  };
}

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
    "/latest/%6D%65ta-data/",
    "/latest/%zz",
    "/latest/%",
    "/latest/%4",
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
    "/2009-04-04/meta-data/placement/availability-zone",
    "/latest/dynamic/instance-identity/document",
    "/no/such/path",
  ].map((text) => target(text)),
  ...[
    "/latest/meta-data/iam/security-credentials/",
    "/latest/meta-data/iam/security-credentials/cluster-us-east-1-master-role",
    "/latest//meta%2ddata/./iam/info",
    "/latest/user-data",
    "/latest/meta-data/tags/instance/Name",
    "/latest/meta-data/public-hostname",
    "/openstack/latest/user_data",
  ].map((text) => target(text, "nothing")),
  target("/openstack/latest/meta_data.json", "zone"),
  target("/latest/meta-data#us-east-1"),
  {
    ...target("/latest/meta-data/placement\x7fregion"),
    refused: HEAD_REFUSED,
  },
  {
    ...target("/latest/raw\xfflatin1\xe9"),
    refused: HEAD_REFUSED,
  },
  {
    ...target("/latest/a b"),
    refused: HEAD_REFUSED,
  },
  { name: "target *", request: of("OPTIONS * HTTP/1.1"), methods: ["OPTIONS"] },
  {
    name: "absolute form",
    request: of("GET http://169.254.169.254/latest//meta-data HTTP/1.1"),
  },
  {
    name: "absolute form of another host",
    request: of("GET http://evil.example/latest/meta-data?x HTTP/1.1"),
  },
  {
    name: "authority form",
    request: of("CONNECT 169.254.169.254:80 HTTP/1.1"),
    methods: ["CONNECT"],
    refused: METHOD_REFUSED,
  },
  {
    name: "wrong Host",
    request: of("GET /latest/ HTTP/1.1", ["Host: metadata.evil.example"]),
  },
  {
    name: "Host with port",
    request: of("GET /latest/ HTTP/1.1", ["host: 169.254.169.254:80"]),
  },
  {
    name: "IPv6 Host",
    request: of("GET /latest/ HTTP/1.1", ["HOST: [fd00:ec2::254]"]),
  },
  {
    name: "empty Host",
    request: of("GET /latest/ HTTP/1.1", ["Host:"]),
  },
  { name: "no Host", request: of("GET /latest/ HTTP/1.1", ["Accept: */*"]) },
  {
    name: "odd Host",
    request: of("GET /latest/ HTTP/1.1", ["Host: a/evil"]),
    refused: {
      row: "host-refused",
      status: 400,
      body:
        "c2s-imds: Bad Host header: expected a name or address, maybe a port\n",
    },
  },
  {
    name: "two Hosts",
    request: of("GET /latest/ HTTP/1.1", [HOST, "Host: evil.example"]),
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
  headers("X-Forwarded-For", "X-Forwarded-For: 10.0.0.1"),
  headers("Forwarded and Via", "Forwarded: for=10.0.0.1", "Via: 1.1 x"),
  headers("Range", "Range: bytes=0-3"),
  headers("If-None-Match", 'If-None-Match: "1"'),
  headers(
    "If-Modified-Since",
    "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
  ),
  headers("Accept-Encoding", "Accept-Encoding: gzip, br;q=0.5, zstd"),
  headers("no token", "User-Agent: aws-sdk-go/1.44"),
  headers("an invalid token", "X-aws-ec2-metadata-token: AQAEnonsense=="),
  headers("a token", `X-aws-ec2-metadata-token: ${TOKEN}`),
  headers("an empty token", "X-aws-ec2-metadata-token:"),
  headers("Connection: close", "Connection: close"),
  headers("Connection: keep-alive", "Connection: keep-alive", "Keep-Alive: 5"),
  headers("headers named by Connection", "Connection: X-Hop", "X-Hop: 1"),
  headers("Connection naming Host", "Connection: host"),
  headers(
    "Connection naming what the service decides by",
    "Connection: X-Forwarded-For, X-aws-ec2-metadata-token",
    "X-Forwarded-For: 192.0.2.1",
    "X-aws-ec2-metadata-token: t",
  ),
  headers("TE and Trailer", "TE: trailers", "Trailer: x"),
  headers("Upgrade", "Connection: Upgrade", "Upgrade: h2c"),
  headers("Proxy-Connection", "Proxy-Connection: keep-alive"),
  headers("Content-Length 0 on GET", "Content-Length: 0"),
  {
    name: "Content-Length 0 on HEAD",
    request: of("HEAD /latest/ HTTP/1.1", [HOST, "Content-Length: 0"]),
    methods: ["HEAD"],
  },
  headers("Expect on GET", "Expect: 100-continue"),
  headers(
    "100 headers",
    ...Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}`),
  ),
  {
    ...headers(
      "200 headers",
      ...Array.from({ length: 200 }, (_, i) => `X-${i}: ${i}`),
    ),
    refused: HEAD_REFUSED,
  },
  {
    ...headers("70,000 bytes of a value", `X-A: ${"a".repeat(70_000)}`),
    refused: HEAD_REFUSED,
  },
  {
    ...headers("a folded value", "X-A: a\r\n b"),
    refused: HEAD_REFUSED,
  },
  {
    ...headers("a control byte in a value", "X-A: a\x01b"),
    refused: HEAD_REFUSED,
  },
  {
    ...headers("Origin", "Origin: http://evil.example"),
    refused: {
      row: "browser-refused",
      status: 403,
      body: "c2s-imds: Requests from browsers are refused\n",
    },
  },
  {
    name: "GET with a body",
    request: of("GET / HTTP/1.1", [HOST, "Content-Length: 3"], "abc"),
    refused: {
      row: "body-refused",
      status: 400,
      body: "c2s-imds: A GET request cannot have a body here\n",
    },
  },
  {
    name: "HEAD",
    request: of(`HEAD ${REGION} HTTP/1.1`),
    methods: ["HEAD"],
  },
  {
    name: "HEAD of what is never rewritten",
    request: of("HEAD /latest/user-data HTTP/1.1"),
    methods: ["HEAD"],
    rewritten: "nothing",
  },
  {
    name: "OPTIONS",
    request: of("OPTIONS /latest/api/token HTTP/1.1"),
    methods: ["OPTIONS"],
  },
  {
    name: "OPTIONS with a body",
    request: of("OPTIONS / HTTP/1.1", [HOST, "Content-Length: 2"], "hi"),
    methods: ["OPTIONS"],
  },
  {
    name: "lower-case method",
    request: of("get /latest/ HTTP/1.1"),
    refused: METHOD_REFUSED,
  },
  {
    name: "unknown method",
    request: of("BREW /latest/ HTTP/1.1"),
    refused: METHOD_REFUSED,
  },
  {
    name: "POST",
    request: of("POST /latest/api/token HTTP/1.1", [HOST, "Content-Length: 0"]),
    methods: ["POST"],
    refused: METHOD_REFUSED,
  },
  put("with the shortest life", [`${TTL}: 1`, "Content-Length: 0"]),
  put("with the longest life", [`${TTL}: 21600`, "Content-Length: 0"]),
  put("with too long a life", [`${TTL}: 21601`, "Content-Length: 0"]),
  put("with no life", [`${TTL}: 0`, "Content-Length: 0"]),
  put("with a life that is no number", [`${TTL}: us-east-1`]),
  put("without a life", ["Content-Length: 0"]),
  put("without a length", [`${TTL}: 60`]),
  put("with a body", [`${TTL}: 60`, "Content-Length: 9"], "us-east-1"),
  put(
    "with a chunked body",
    [`${TTL}: 60`, "Transfer-Encoding: chunked"],
    "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  ),
  {
    ...put("as Java's HttpClient asks", [
      "Connection: Upgrade, HTTP2-Settings",
      "Content-Length: 0",
      "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
      "Upgrade: h2c",
      `${TTL}: 60`,
    ]),
    refused: { row: "upgrade-refused", status: 400 },
  },
  put("with a body of zero bytes, chunked", [
    `${TTL}: 60`,
    "Transfer-Encoding: chunked",
  ], "0\r\n\r\n"),
  put("with X-Forwarded-For", [
    `${TTL}: 60`,
    "X-Forwarded-For: 10.0.0.1",
    "Content-Length: 0",
  ]),
  put(
    "with Expect",
    [`${TTL}: 60`, "Expect: 100-continue", "Content-Length: 2"],
    "hi",
  ),
  put("of a version", [`${TTL}: 60`], "", "/2021-01-03/api/token"),
  put("with a slash at the end", [`${TTL}: 60`], "", "/latest/api/token/"),
  {
    name: "HTTP/1.0",
    request: of(`GET ${REGION} HTTP/1.0`),
  },
  {
    name: "HTTP/1.0 without Host",
    request: of(`GET ${REGION} HTTP/1.0`, []),
  },
  {
    name: "HTTP/1.0 with keep-alive",
    request: of(`GET ${REGION} HTTP/1.0`, [HOST, "Connection: keep-alive"]),
  },
  {
    name: "pipelining",
    request: of(`GET ${REGION} HTTP/1.1`) + of("HEAD /latest/ HTTP/1.1") +
      of("GET /latest/meta-data/services/domain HTTP/1.1"),
    methods: ["GET", "HEAD", "GET"],
  },
  answered(
    "with odd headers",
    "HTTP/1.1 200 OK\r\nSERVER: EC2ws\r\nx-lower: a\r\nX-Repeated: 1\r\n" +
      "x-repeated: 2\r\nX-Empty:\r\nX-Tab: a\tb\r\nX-Latin: \xfc\r\n" +
      "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Region: us-east-1\r\n" +
      "Content-Length: 2\r\nContent-Type: text/plain\r\n\r\nhi",
  ),
  ...[
    ["alone", "200 OK", ""],
    ["alone in a 404", "404 Not Found", ""],
    ["and an ETag", "200 OK", 'ETag: "1"\r\n'],
    ["and a Date", "200 OK", "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"],
    ["alone for HEAD", "200 OK", "", "HEAD"],
  ].map(([which, status, field, method = "GET"]) =>
    answered(
      `with a Content-Type ${which}`,
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n${field}` +
        `Content-Length: 9\r\n\r\n${method === "HEAD" ? "" : "us-east-1"}`,
      method,
    )
  ),
  answered(
    "without anything",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
  ),
  answered("empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  answered(
    "with a Date",
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: x\r\nContent-Length: 2\r\n\r\nhi",
  ),
  answered(
    "with its own reason phrase",
    "HTTP/1.1 404 Nothing Here\r\nContent-Length: 2\r\n\r\nno",
  ),
  answered(
    "without a reason phrase",
    "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi",
  ),
  answered(
    "with a status nobody knows",
    "HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nno",
  ),
  answered(
    "in chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: x\r\n\r\n" +
      "5\r\nus-ea\r\n4\r\nst-1\r\n0\r\n\r\n",
  ),
  answered(
    "that ends with the connection",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nServer: x\r\n\r\nus-east-1",
  ),
  answered(
    "of HTTP/1.0",
    "HTTP/1.0 200 OK\r\nServer: EC2ws\r\nContent-Type: text/plain\r\n\r\nus-east-1",
  ),
  answered(
    "with headers that Connection names",
    "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nhi",
  ),
  answered(
    "204",
    "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
  ),
  answered(
    "304",
    'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
  ),
  answered(
    "304 with a Content-Type alone",
    "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\n\r\n",
  ),
  answered(
    "304 with a length",
    'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 9\r\n\r\n',
  ),
  {
    ...answered(
      "206",
      "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-8/20\r\nContent-Length: 9\r\n\r\nus-east-1",
    ),
    rewritten: "nothing",
  },
  answered(
    "302",
    "HTTP/1.1 302 Found\r\nLocation: http://us-east-1.example/\r\nContent-Length: 0\r\n\r\n",
  ),
  answered(
    "401",
    "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nServer: EC2ws\r\nContent-Length: 2\r\n\r\nno",
  ),
  {
    ...answered(
      "gzip by name",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nETag: x\r\nContent-Length: 9\r\n\r\nus-east-1",
    ),
    rewritten: "nothing",
  },
  answered(
    "with validators",
    'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-MD5: x\r\nLast-Modified: x\r\nContent-Length: 9\r\n\r\nus-east-1',
  ),
  answered(
    "of more bytes than are handed over at once",
    `HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 10000\r\n\r\n${
      "x".repeat(10_000)
    }`,
  ),
  answered(
    "to HEAD without a length",
    "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
    "HEAD",
  ),
  {
    ...answered(
      "205",
      "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    ),
    refused: {
      row: "answer-refused",
      status: 502,
      body:
        `c2s-imds: Metadata service http://${UPSTREAM}: answered with status 205\n`,
    },
  },
  answered(
    "after 100",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
  ),
];
