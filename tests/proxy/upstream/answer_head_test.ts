import { assertEquals, assertThrows } from "@std/assert";
import { parseHead } from "../../../lib/proxy/upstream/answer_head.ts";
import { UpstreamError } from "../../../lib/proxy/upstream/upstream_error.ts";

const LENGTH_3 = { kind: "length", length: 3 } as const;
const NOTHING = { kind: "length", length: 0 } as const;
const CHUNKS = { kind: "chunks" } as const;
const END = { kind: "end" } as const;

function head(...lines: readonly string[]): string {
  return ["HTTP/1.1 200 OK", ...lines].join("\r\n");
}

Deno.test("parseHead() keeps names and values, without the space around them", () => {
  const { status, fields } = parseHead(
    head("Server: EC2ws", "x-A:\t b \t", "X-Empty:", "X-Odd: \xa0\xfc\xa0"),
    "GET",
  );
  assertEquals(status, 200);
  assertEquals(
    fields,
    ["Server", "EC2ws", "x-A", "b", "X-Empty", "", "X-Odd", "\xa0\xfc\xa0"],
  );
});

Deno.test("parseHead() knows how the body ends", () => {
  const cases = [
    [head("Content-Length: 3"), "GET", LENGTH_3],
    [head("Content-Length: 3"), "HEAD", NOTHING],
    [head("Transfer-Encoding: Chunked"), "GET", CHUNKS],
    [head(), "GET", END],
    ["HTTP/1.1 204 None\r\nContent-Length: 3", "GET", NOTHING],
    ["HTTP/1.1 304 Same\r\nContent-Length: 3", "GET", NOTHING],
    ["HTTP/1.0 200 OK\r\nContent-Length: 3", "GET", LENGTH_3],
    ["HTTP/1.0 200\r\nTransfer-Encoding: chunked", "GET", CHUNKS],
  ] as const;
  for (const [text, method, framing] of cases) {
    assertEquals(parseHead(text, method).framing, framing);
  }
});

Deno.test("parseHead() refuses what could be read in two ways", () => {
  const bad = [
    "HTTP/2 200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    head("Content-Length: 3", "Content-Length: 3"),
    head("Content-Length: 3", "Transfer-Encoding: chunked"),
    head("Transfer-Encoding: chunked", "transfer-encoding: chunked"),
    head("Transfer-Encoding: gzip, chunked"),
    head("Transfer-Encoding: identity"),
    head("Transfer-Encoding:"),
    head("Content-Length: +3"),
    head("Content-Length: 3, 3"),
    head("Content-Length:"),
    head("Content-Length: 9999999999999999"),
    head("Content-Length : 3"),
    head(" folded: x"),
    head("X: a", " folded"),
    head("no colon"),
    head(": no name"),
    head("X: a\nContent-Length: 3"),
    head("X: a\rb"),
    head("X: a\0b"),
  ];
  for (const text of bad) {
    assertThrows(() => parseHead(text, "GET"), UpstreamError, "bad answer");
  }
});
