/**
 * Makes what clients send: one connection's worth of it, right, odd or wrong.
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";

const PATHS: readonly string[] = [
  "/",
  "/latest/meta-data/placement/region",
  "/latest/meta-data/iam/security-credentials/role-us-east-1",
  "/latest/user-data",
  "/latest/dynamic/instance-identity/document",
  "/latest/api/token",
  "/openstack/latest/meta_data.json",
  "//latest//meta-data///placement/region",
  "/latest/../latest/./meta-data/placement/region",
  "/latest/%6deta-data/placement%2fregion",
  "/latest/%2e%2e/%00/%0d%0a%20HTTP/1.1%0d%0a",
  "/caf\xc3\xa9/\xe2\x82\xac",
  "/\xc4\x8d\xc4\x8aX:y",
  "/[x]{y}|z^`\"'<>",
  "/a;b=c,d:e@f!g$h(i)*+",
];

/** `{}` stands for an address where no request may lead. */
const ODD_TARGETS: readonly string[] = [
  "http://{}/latest/",
  "http://169.254.169.254/latest/?",
  "https://{}/latest/?",
  "http://user:password@{}/?",
  "HTTP://{}?",
  "http://{}#",
  "http:///",
  "http:/latest/",
  "//{}/latest/?",
  "unix:/latest/?",
  "/latest/#fragment",
  "/@{}/?",
  "/\\{}/?",
  "?",
  "",
  "*",
  "/a b",
  "/\xff\xfe",
];

/** What many ask for at one time. */
const SHARED_TARGETS: readonly string[] = [
  "/latest/meta-data/placement/region?r",
  "/latest/meta-data/placement/region?R",
  "/latest/user-data?r",
  "/latest/api/token?r",
  "/latest/./api//%74oken?r",
  "/latest/meta-data/iam/security-credentials/role-us-east-1?r",
];

/** What makes requests for the same another one, and what does not. */
const SHARED_HEADERS: readonly string[] = [
  "X-aws-ec2-metadata-token: a",
  "X-aws-ec2-metadata-token: b",
  "x-AWS-ec2-metadata-token:a\r\nConnection: keep-alive",
  "X-aws-ec2-metadata-token: a, b",
  "X-aws-ec2-metadata-token: a\r\nX-aws-ec2-metadata-token: b",
  "X-aws-ec2-metadata-token: a\r\nConnection: x-aws-ec2-metadata-token",
  "Accept: */*",
];

const HEADERS: readonly string[] = [
  "X-aws-ec2-metadata-token: us-east-1",
  "X-aws-ec2-metadata-token-ttl-seconds: 21600",
  "Accept-Encoding: gzip, br",
  "X-Forwarded-For: {}",
  "X-Forwarded-Host: {}",
  "Forwarded: host={}",
  "X-Original-URL: http://{}/",
  "Range: bytes=0-3",
  "Cookie: a=b",
  "Cookie: c=d",
  "X-Repeated: 1",
  "x-repeated: 2",
  "X-Empty:",
  "X-Spaces: \t a  b \t ",
  "X-Odd: \xa0\xff\x80",
  "X-Unicode: \xc4\x8d\xc4\x8aX-Split: 1",
  "Connection: Keep-Alive, X-Repeated",
  "Connection: host, content-length",
  "Connection: X-Forwarded-For, x-aws-ec2-metadata-token",
  "Proxy-Connection: keep-alive",
  "TE: trailers, chunked",
  "Trailer: X-T",
  "Expect: 100-continue",
];

/** Refused, or wrong. */
const BAD_HEADERS: readonly string[] = [
  "Connection: close",
  "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Expect: 200-ok",
  "Origin: http://evil.test",
  "Sec-Fetch-Site: cross-site",
  "X-Folded: a\r\n b",
  "X-Control: a\x01b",
  "X-Line: a\rb",
  "X-Space : a",
  "no colon",
  ": no name",
  "X\xe9: a",
];

const HOSTS: readonly string[] = [
  "Host:",
  "X: no host",
  "Host: {}",
  "host: {}\r\nHost: 169.254.169.254",
  "Host: 169.254.169.254@{}",
  "Host: {}/latest/user-data?",
  "Host: h\\",
  "Host: [::1]:80",
  "Host: h\xe9",
  "Host : h",
  "Host: h, {}",
];

const METHODS: readonly string[] = [
  ...["GET", "GET", "GET", "GET", "GET", "PUT", "PUT", "PUT"],
  ...["HEAD", "OPTIONS"],
];

const ODD_METHODS: readonly string[] = [
  ...["POST", "DELETE", "CONNECT", "TRACE", "get", "PRI", "G\xc9T", ""],
];

const ODD_VERSIONS: readonly string[] = [
  ...["HTTP/1.0", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/11"],
];

/** Two lengths, or none that is one; `N` stands for the right one. */
const ODD_LENGTHS: readonly string[] = [
  "Content-Length: N\r\nContent-Length: N",
  "Content-Length: N, N",
  "Content-Length: N\r\nContent-Length: 1N",
  "Content-Length: +N",
  "Content-Length: -1",
  "Content-Length: 0x3",
  "Content-Length:",
  "Content-Length: 18446744073709551617",
  "Content-Length: 65537",
  "Content-Length: 00N",
  "Content-Length : N",
  "Content-Length: \x0bN",
];

const ODD_CODINGS: readonly string[] = [
  "Content-Length: N\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: identity\r\nContent-Length: N",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding: \x0bchunked",
  "Transfer-Encoding: Chunked",
  "X: a\nTransfer-Encoding: chunked",
];

/** Sizes of chunks; `N` stands for the right one. */
const ODD_SIZES: readonly string[] = [
  ...["N", "N", "000N", "N;a=b", 'N;a="\r\n"', "N;a\nb", "N ", " N", "+N"],
  ...["0xN", "N\0", "fffffffffffffffN", "1N", ""],
];

const POISON = "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n";

/** How requests are made. */
interface GrammarOptions {
  /** `HOST:PORT` where no request may lead, whatever it names. */
  readonly elsewhere: string;
  /** The case's own name: its targets hold it. */
  readonly name: string;
  /** Whether most of it shall be what others ask for, too. */
  readonly shares: boolean;
}

/** Makes one connection's worth of requests. */
export class RequestGrammar {
  readonly #random: Random;
  readonly #options: GrammarOptions;
  #made = 0;

  /**
   * Begins.
   *
   * @param random draws all of it
   */
  constructor(random: Random, options: GrammarOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** One to five requests, or something else that clients begin with. */
  connection(): string {
    const random = this.#random;
    if (random.int(40) === 0) {
      // The beginning of a TLS hello.
      return random.pick(["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""]) +
        this.#noise(random.pick([0, 1, 200, 20_000]));
    }
    const before = random.int(40) > 0
      ? ""
      : random.pick(["\r\n", "\n", "\r\n\r\n\n", "\r", "\n\r\n"]);
    const count = 1 + random.int(random.pick([1, 1, 2, 5]));
    return before +
      Array.from({ length: count }, () => this.#request()).join("");
  }

  #request(): string {
    const random = this.#random;
    if (this.#options.shares && random.int(6) > 0) return this.#shared();
    const method = this.#mostly(10, METHODS, ODD_METHODS);
    const version = this.#mostly(24, ["HTTP/1.1"], ODD_VERSIONS);
    const target = method === "CONNECT"
      ? this.#options.elsewhere
      : this.#target();
    const lines = [
      this.#mostly(16, ["Host: 169.254.169.254"], HOSTS),
      ...random.list(random.pick([0, 1, 5]), () => this.#header()),
    ];
    const body = this.#body(method, lines);
    const end = this.#mostly(40, ["\r\n"], ["\n", "\r", "\r\r\n"]);
    return [`${method} ${target} ${version}`, ...lines, "", ""].join(end) +
      body;
  }

  /** One of few. */
  #shared(): string {
    const random = this.#random;
    const method = random.pick(["GET", "GET", "GET", "GET", "HEAD", "PUT"]);
    const [length, body] = method === "PUT"
      ? ["Content-Length: 3\r\n", "abc"]
      : ["", ""];
    return `${method} ${random.pick(SHARED_TARGETS)} HTTP/1.1\r\n` +
      `Host: h\r\n${random.pick(SHARED_HEADERS)}\r\n${length}\r\n${body}`;
  }

  #target(): string {
    const random = this.#random;
    const id = `n=${this.#options.name}.${this.#made++}`;
    if (random.int(10) > 0) {
      const joint = random.pick(["?", "?", "?x=%3F&", "/?", "?us-east-1&"]);
      return random.pick(PATHS) + joint + id;
    }
    if (random.int(6) === 0) return `/${this.#noise(20)}`;
    if (random.int(6) === 0) {
      return `/${"a".repeat(random.pick([1_000, 9_000, 70_000]))}?${id}`;
    }
    return this.#filled(random.pick(ODD_TARGETS)) + random.pick([id, id, ""]);
  }

  #header(): string {
    const random = this.#random;
    switch (random.int(40)) {
      case 0:
        return `X-Long: ${"a".repeat(random.pick([100, 5_000, 90_000]))}`;
      case 1:
        return `X-Noise: ${this.#noise(8)}`;
      case 2:
        return Array(random.pick([100, 150, 3_000])).fill("A: b").join("\r\n");
    }
    return this.#mostly(10, HEADERS, BAD_HEADERS);
  }

  /** Adds the framing to the lines, and gives the body that goes with it. */
  #body(method: string, lines: string[]): string {
    const random = this.#random;
    if (method !== "PUT" && random.int(12) > 0) return "";
    const text = random.pick([
      "",
      "abc",
      POISON,
      `0\r\n\r\n${POISON}`,
      "x".repeat(1 + random.int(random.pick([30, 3_000]))),
    ]);
    const framing = (form: string) => form.replaceAll("N", `${text.length}`);
    switch (random.int(20)) {
      case 0:
        lines.push(framing(random.pick(ODD_LENGTHS)));
        return text;
      case 1:
        lines.push(framing(random.pick(ODD_CODINGS)));
        return this.#chunks(text);
      case 2: {
        const wrong = text.length + random.pick([-3, -1, 1, 40]);
        lines.push(`Content-Length: ${Math.max(0, wrong)}`);
        return text;
      }
      case 3:
      case 4:
      case 5:
      case 6:
        lines.push("Transfer-Encoding: chunked");
        return this.#chunks(text);
      case 7:
        return "";
    }
    lines.push(framing("Content-Length: N"));
    return text;
  }

  #chunks(text: string): string {
    const random = this.#random;
    const odd = random.int(4) === 0;
    const either = (right: string, others: readonly string[]) =>
      odd && random.int(4) === 0 ? random.pick(others) : right;
    let chunks = "";
    for (let at = 0; at < text.length;) {
      const part = text.slice(at, at + 1 + random.int(20));
      at += part.length;
      const size = either("N", ODD_SIZES)
        .replace("N", part.length.toString(16));
      chunks += size + either("\r\n", ["\n"]) + part +
        either("\r\n", ["", "\n", "\r", "x\r\n"]);
    }
    const trailers = random.int(6) > 0 ? "" : "X-T: 1\r\nContent-Length: 3\r\n";
    return chunks + either(`0\r\n${trailers}\r\n`, ["0\n\n", "0\r\n", ""]);
  }

  /** A right one, but for one in so many. */
  #mostly(
    often: number,
    right: readonly string[],
    odd: readonly string[],
  ): string {
    const { int, pick } = this.#random;
    return this.#filled(pick(int(often) > 0 ? right : odd));
  }

  #filled(text: string): string {
    return text.replace("{}", this.#options.elsewhere);
  }

  #noise(size: number): string {
    return Array.from(
      { length: size },
      () => String.fromCharCode(this.#random.int(256)),
    ).join("");
  }
}
