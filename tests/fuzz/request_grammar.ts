/**
 * Makes what clients send: one connection's worth of it, right, odd or wrong.
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";
import { http2Of } from "./http2.ts";
import { repeatedRequest, repeatedTarget } from "./repeated_requests.ts";

/** Where no request may lead, whatever it names. */
export interface Elsewhere {
  /** As in `127.0.0.1:8080`. */
  readonly authority: string;
}

const PATHS: readonly string[] = [
  "/",
  "/latest/",
  "/latest/meta-data/",
  "/latest/meta-data/placement/region",
  "/latest/meta-data/placement/availability-zone",
  "/latest/meta-data/iam/security-credentials/",
  "/latest/meta-data/iam/security-credentials/role-us-east-1",
  "/latest/meta-data/tags/instance/Name",
  "/latest/user-data",
  "/latest/dynamic/instance-identity/document",
  "/latest/dynamic/instance-identity/pkcs7",
  "/latest/api/token",
  "/2021-07-15/meta-data/mac",
  "/openstack/latest/meta_data.json",
  "/openstack/2018-08-27/user_data",
  "//latest//meta-data///placement/region",
  "/latest/../latest/./meta-data/placement/region",
  "/latest/%6deta-data/placement%2fregion",
  "/latest/%2e%2e/%00/%0d%0a%20HTTP/1.1%0d%0a",
  "/caf\xc3\xa9/\xe2\x82\xac",
  "/\xc4\x8d\xc4\x8aX:y",
  "/[x]{y}|z^`\"'<>",
  "/a;b=c,d:e@f!g$h(i)*+",
];

const HEADERS: readonly string[] = [
  "X-aws-ec2-metadata-token: us-east-1",
  "X-aws-ec2-metadata-token-ttl-seconds: 21600",
  "Accept: */*",
  "Accept-Encoding: gzip, br",
  "User-Agent: aws-sdk-go/1.44 (linux; us-east-1)",
  "Metadata-Flavor: Amazon",
  "X-Forwarded-For: {ELSEWHERE}",
  "X-Forwarded-Host: {ELSEWHERE}",
  "Forwarded: host={ELSEWHERE}",
  "X-Original-URL: http://{ELSEWHERE}/",
  "Via: 1.1 {ELSEWHERE}",
  "Range: bytes=0-3",
  "Range: bytes=5-1,-,x",
  'If-None-Match: "a", W/"b"',
  "Cookie: a=b",
  "Cookie: c=d",
  "X-Repeated: 1",
  "x-repeated: 2",
  "X-Empty:",
  "X-Spaces: \t a  b \t ",
  "X-Odd: \xa0\xff\x80",
  "X-Unicode: \xc4\x8d\xc4\x8aX-Split: 1",
  "Connection: keep-alive",
  "Connection: Keep-Alive, X-Repeated",
  "Connection: host, content-length",
  "Connection: X-Forwarded-For, x-aws-ec2-metadata-token",
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "TE: trailers, chunked",
  "Trailer: X-T",
  "Max-Forwards: 0",
  "Expect: 100-continue",
];

/** Right in themselves, but not what everybody says. */
const REFUSED_HEADERS: readonly string[] = [
  "Connection: close",
  "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Expect: 200-ok",
  "Origin: http://evil.test",
  "Sec-Fetch-Site: cross-site",
];

/** Wrong. */
const BAD_HEADERS: readonly string[] = [
  "X-Folded: a\r\n b",
  "X-Control: a\x01b",
  "X-Line: a\rb",
  "X-Space : a",
  "no colon",
  ": no name",
  "X\xe9: a",
];

const METHODS: readonly string[] = [
  ...["GET", "GET", "GET", "GET", "GET", "PUT", "PUT", "PUT"],
  ...["HEAD", "OPTIONS"],
];

/** Makes one connection's worth of requests. */
export class RequestGrammar {
  readonly #random: Random;
  readonly #elsewhere: Elsewhere;
  readonly #name: string;
  readonly #repeats: boolean;
  #made = 0;

  /**
   * Begins.
   *
   * @param random draws all of it
   * @param elsewhere named where a request might lead astray
   * @param name the case's own: its targets hold it
   * @param repeats whether most of it shall be what others ask for, too
   */
  constructor(
    random: Random,
    elsewhere: Elsewhere,
    name: string,
    repeats: boolean,
  ) {
    this.#random = random;
    this.#elsewhere = elsewhere;
    this.#name = name;
    this.#repeats = repeats;
  }

  /** One to five requests, or something else that clients begin with. */
  connection(): string {
    const random = this.#random;
    switch (random.int(60)) {
      case 0:
        // The beginning of a TLS hello.
        return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" +
          this.#noise(64);
      case 1:
        return this.#noise(random.pick([0, 1, 200, 20_000]));
      case 2:
      case 3:
        return http2Of(random, () => this.#target());
      case 4:
        return random.pick(["\r\n", "\n", "\r\n\r\n\n", "\r", "\n\r\n"]) +
          this.#request();
    }
    const count = 1 + random.int(random.pick([1, 1, 2, 5]));
    return Array.from({ length: count }, () => this.#request()).join("");
  }

  #request(): string {
    const random = this.#random;
    if (this.#repeats && random.int(6) > 0) return repeatedRequest(random);
    const method = random.int(10) > 0 ? random.pick(METHODS) : random.pick([
      "POST",
      "DELETE",
      "CONNECT",
      "TRACE",
      "get",
      "PRI",
      "G\xc9T",
      "",
    ]);
    const version = random.int(24) > 0 ? "HTTP/1.1" : random.pick([
      "HTTP/1.0",
      "HTTP/1.0",
      "HTTP/1.2",
      "HTTP/2.0",
      "http/1.1",
      "HTTP/0.9",
      "HTTP/1.1 ",
      "HTTP/11",
    ]);
    const target = method === "CONNECT"
      ? this.#elsewhere.authority
      : this.#target();
    const lines = this.#hosts();
    lines.push(...random.list(random.pick([0, 1, 5]), () => this.#header()));
    const body = this.#body(method, lines);
    if (random.int(400) === 0) lines.push(...this.#bomb());
    const end = random.int(40) > 0
      ? "\r\n"
      : random.pick(["\n", "\r", "\r\r\n"]);
    return [`${method} ${target} ${version}`, ...lines, "", ""].join(end) +
      body;
  }

  #target(): string {
    const random = this.#random;
    const { authority } = this.#elsewhere;
    if (this.#repeats && random.int(2) > 0) return repeatedTarget(random);
    const id = `n=${this.#name}.${this.#made++}`;
    const path = random.pick(PATHS);
    const named = path +
      random.pick(["?", "?", "?x=%3F&", "/?", "?us-east-1&"]) +
      id;
    if (random.int(10) > 0) return named;
    switch (random.int(12)) {
      case 0:
        return `/${this.#noise(20)}`;
      case 1:
        return `/${"a".repeat(random.pick([1_000, 9_000, 70_000]))}?${id}`;
    }
    return random.pick([
      `http://${authority}${named}`,
      `http://169.254.169.254${named}`,
      `https://${authority}${named}`,
      `http://user:password@${authority}${named}`,
      `HTTP://${authority}?${id}`,
      `http://${authority}#${id}`,
      `http:///${id}`,
      `http:${named}`,
      `//${authority}${named}`,
      `file://${named}`,
      `unix:${named}`,
      `${named}#fragment`,
      `/@${authority}${named}`,
      `/\\${authority}${named}`,
      `?${id}`,
      `${id}`,
      authority,
      "*",
      "",
      `/a b${named}`,
      `/\xff\xfe${named}`,
    ]);
  }

  #hosts(): string[] {
    const random = this.#random;
    const { authority } = this.#elsewhere;
    if (random.int(16) > 0) return ["Host: 169.254.169.254"];
    return random.pick([
      [],
      ["Host:"],
      [`Host: ${authority}`],
      [`host: ${authority}`, "Host: 169.254.169.254"],
      ["Host: 169.254.169.254", "Host: 169.254.169.254"],
      [`Host: 169.254.169.254@${authority}`],
      [`Host: ${authority}/latest/user-data?`],
      ["Host: h\\"],
      ["Host: [::1]:80"],
      ["Host: h\xe9"],
      ["Host : h"],
      [`Host: h, ${authority}`],
      [`Host: ${this.#noise(6)}`],
    ]).slice();
  }

  #header(): string {
    const random = this.#random;
    switch (random.int(40)) {
      case 0:
        return `X-Long: ${"a".repeat(random.pick([100, 5_000]))}`;
      case 1:
        return `X-Noise: ${this.#noise(8)}`;
      case 2:
      case 3:
        return random.pick(BAD_HEADERS);
      case 4:
      case 5:
        return random.pick(REFUSED_HEADERS);
    }
    return random.pick(HEADERS)
      .replace("{ELSEWHERE}", this.#elsewhere.authority);
  }

  /** Adds the framing to the lines, and gives the body that goes with it. */
  #body(method: string, lines: string[]): string {
    const random = this.#random;
    if (method !== "PUT" && random.int(12) > 0) return "";
    const text = random.pick([
      "",
      "abc",
      "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n",
      "0\r\n\r\nGET /poison HTTP/1.1\r\nHost: h\r\n\r\n",
      "x".repeat(1 + random.int(random.pick([30, 3_000]))),
    ]);
    const { length } = text;
    switch (random.int(20)) {
      case 0:
        lines.push(...random.pick([
          [`Content-Length: ${length}`, `Content-Length: ${length}`],
          [`Content-Length: ${length}, ${length}`],
          [`Content-Length: ${length}`, `Content-Length: ${length + 1}`],
          [`Content-Length: +${length}`],
          ["Content-Length: -1"],
          ["Content-Length: 0x3"],
          ["Content-Length:"],
          ["Content-Length: 18446744073709551617"],
          ["Content-Length: 65537"],
          [`Content-Length: 00${length}`],
          [`Content-Length : ${length}`],
          [`Content-Length: \x0b${length}`],
        ]));
        return text;
      case 1:
        lines.push(...random.pick([
          [`Content-Length: ${length}`, "Transfer-Encoding: chunked"],
          ["Transfer-Encoding: chunked", `Content-Length: ${length}`],
          ["Transfer-Encoding: identity", `Content-Length: ${length}`],
          ["Transfer-Encoding: xchunked"],
          ["Transfer-Encoding: gzip, chunked"],
          ["Transfer-Encoding: chunked, identity"],
          ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
          ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
          ["Transfer-Encoding : chunked"],
          ["Transfer-Encoding:\tchunked"],
          ["Transfer-Encoding: \x0bchunked"],
          ["Transfer-Encoding: Chunked"],
          ["Transfer-Encoding:"],
          ["X: a\nTransfer-Encoding: chunked"],
        ]));
        return this.#chunks(text);
      case 2:
        lines.push(
          `Content-Length: ${
            Math.max(0, length + random.pick([-3, -1, 1, 40]))
          }`,
        );
        return text;
      case 3:
      case 4:
      case 5:
      case 6:
        lines.push("Transfer-Encoding: chunked");
        return this.#chunks(text);
      case 7:
        return "";
    }
    lines.push(`Content-Length: ${length}`);
    return text;
  }

  #chunks(text: string): string {
    const random = this.#random;
    const odd = random.int(4) === 0;
    let chunks = "";
    for (let at = 0; at < text.length;) {
      const part = text.slice(at, at + 1 + random.int(20));
      at += part.length;
      const size = part.length.toString(16);
      const line = !odd ? size : random.pick([
        size,
        `000${size}`,
        size.toUpperCase(),
        `${size};a=b`,
        `${size};a="\r\n"`,
        `${size};a\nb`,
        `${size} `,
        ` ${size}`,
        `+${size}`,
        `0x${size}`,
        `${size}\0`,
        `fffffffffffffff${size}`,
        (part.length + 1).toString(16),
        "",
      ]);
      chunks += line + (odd && random.int(6) === 0 ? "\n" : "\r\n") + part +
        (odd && random.int(6) === 0
          ? random.pick(["", "\n", "\r", "x\r\n"])
          : "\r\n");
    }
    const trailers = random.int(6) === 0
      ? "X-T: 1\r\nContent-Length: 3\r\n"
      : "";
    return chunks +
      (odd
        ? random.pick([
          "0\r\n\r\n",
          "00\r\n\r\n",
          "0\n\n",
          "0\r\n",
          "",
          "0;x\r\n\r\n",
        ])
        : `0\r\n${trailers}\r\n`);
  }

  #bomb(): string[] {
    const random = this.#random;
    return random.pick([
      () =>
        Array.from({ length: 100 + random.int(100) }, (_, i) => `X-${i}: ${i}`),
      () => Array.from({ length: 3_000 }, () => "A: b"),
      () => [`X-Bomb: ${"x".repeat(90_000)}`],
      () => [`${"x".repeat(70_000)}: y`],
      () => Array.from({ length: 200 }, () => "Connection: close, x"),
    ])();
  }

  #noise(size: number): string {
    return Array.from(
      { length: size },
      () => String.fromCharCode(this.#random.int(256)),
    ).join("");
  }
}
