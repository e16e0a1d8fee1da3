import { assertEquals } from "@std/assert";
import {
  answerHeaders,
  Fields,
  headersOfRewritten,
  requestHeaders,
} from "../../lib/proxy/headers.ts";

Deno.test("requestHeaders() drops hop-by-hop headers and those Connection names", () => {
  const headers = new Headers({
    host: "169.254.169.254",
    connection: "keep-alive, X-Secret",
    "keep-alive": "timeout=5",
    "proxy-connection": "keep-alive",
    te: "trailers",
    trailer: "x",
    "transfer-encoding": "chunked",
    upgrade: "h2c",
    "content-length": "3",
    expect: "100-continue",
    "x-secret": "1",
    "x-aws-ec2-metadata-token": "t",
    accept: "*/*",
  });
  assertEquals(requestHeaders(new Fields(headers), "up"), [
    ["host", "169.254.169.254"],
    ["accept", "*/*"],
    ["x-aws-ec2-metadata-token", "t"],
  ]);
});

Deno.test("requestHeaders() never lets Connection take away what the service decides by", () => {
  const fields: [string, string][] = [
    ["host", "h"],
    ["x-aws-ec2-metadata-token", "t"],
    ["x-aws-ec2-metadata-token-ttl-seconds", "60"],
    ["x-forwarded-for", "192.0.2.1"],
  ];
  const connection = fields.map(([name]) => name.toUpperCase()).join(", ");
  const headers = new Headers([...fields, ["connection", connection]]);
  assertEquals(requestHeaders(new Fields(headers), "up"), fields);
});

Deno.test("requestHeaders() names the upstream when the client named no host", () => {
  assertEquals(requestHeaders(new Fields(new Headers()), "169.254.169.254"), [
    ["host", "169.254.169.254"],
  ]);
});

Deno.test("requestHeaders() adds nothing the service could see", () => {
  const headers = new Headers({ host: "h", "user-agent": "curl" });
  assertEquals(requestHeaders(new Fields(headers), "up"), [
    ["host", "h"],
    ["user-agent", "curl"],
  ]);
});

Deno.test("answerHeaders() keeps names, values, order and repeats", () => {
  const raw = ["Server", "EC2ws", "X-a", "1", "x-A", "2", "Date", "d"];
  assertEquals(answerHeaders(raw), [
    ["Server", "EC2ws"],
    ["X-a", "1"],
    ["x-A", "2"],
    ["Date", "d"],
  ]);
});

Deno.test("answerHeaders() drops framing, hop-by-hop and what Connection names", () => {
  const raw = [
    "X-Hop",
    "1",
    "Connection",
    "close, x-hop",
    "Content-Length",
    "3",
    "Transfer-Encoding",
    "chunked",
    "Keep-Alive",
    "5",
    "connection",
    "ETag2",
    "etag2",
    "x",
    "ETag",
    "y",
  ];
  assertEquals(answerHeaders(raw), [["ETag", "y"]]);
});

Deno.test("headersOfRewritten() drops what describes the old bytes", () => {
  assertEquals(
    headersOfRewritten([
      ["ETag", "x"],
      ["Content-MD5", "x"],
      ["Repr-Digest", "x"],
      ["Last-Modified", "x"],
    ]),
    [["Last-Modified", "x"]],
  );
});
