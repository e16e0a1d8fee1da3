import { assertEquals } from "@std/assert";
import {
  isHttp2,
  MAX_REQUEST_BODY,
  refusal,
} from "../../lib/proxy/admission.ts";
import { Fields } from "../../lib/proxy/headers.ts";

const HOST = { host: "169.254.169.254" };

const CASES: ReadonlyArray<
  readonly [method: string, headers: HeadersInit, status: number | undefined]
> = [
  ["GET", HOST, undefined],
  ["GET", {}, undefined],
  ["HEAD", { host: "[fd00:ec2::254]:80" }, undefined],
  ["PUT", { ...HOST, "content-length": "0" }, undefined],
  ["OPTIONS", HOST, undefined],
  ["POST", HOST, 405],
  ["DELETE", HOST, 405],
  ["CONNECT", HOST, 405],
  ["get", HOST, 405],
  ["GET", { ...HOST, origin: "http://evil" }, 403],
  ["GET", { ...HOST, "sec-fetch-site": "same-origin" }, 403],
  ["GET", { host: "a/evil" }, 400],
  ["GET", { host: "a?b" }, 400],
  ["GET", { host: "a#b" }, 400],
  ["GET", { host: "user@a" }, 400],
  ["GET", { host: "a, b" }, 400],
  ["GET", { ...HOST, "content-length": "0" }, undefined],
  ["GET", { ...HOST, "content-length": "5" }, 400],
  ["HEAD", { ...HOST, "content-length": "5" }, 400],
  ["GET", { ...HOST, "transfer-encoding": "chunked" }, 400],
  ["PUT", { ...HOST, "content-length": `${MAX_REQUEST_BODY}` }, undefined],
  ["PUT", { ...HOST, "content-length": `${MAX_REQUEST_BODY + 1}` }, 413],
  ["PUT", { ...HOST, "content-length": "99999999999999999999" }, 413],
  ["PUT", { ...HOST, "content-length": "3, 3" }, 400],
  ["PUT", { ...HOST, "content-length": "" }, 400],
  ["PUT", { ...HOST, "transfer-encoding": "Chunked" }, undefined],
  ["PUT", { ...HOST, "transfer-encoding": "gzip, chunked" }, 400],
];

Deno.test("refusal() lets in what the metadata service knows, nothing else", () => {
  for (const [method, headers, status] of CASES) {
    assertEquals(
      refusal(method, new Fields(new Headers(headers)))?.status,
      status,
      `${method} ${JSON.stringify(headers)}`,
    );
  }
});

Deno.test("refusal() lets browsers through where they may, and checks the rest", () => {
  const status = (method: string, headers: HeadersInit) =>
    refusal(method, new Fields(new Headers(headers)), true)?.status;
  for (const [method, headers, expected] of CASES) {
    assertEquals(
      status(method, headers),
      expected === 403 ? undefined : expected,
    );
  }
  assertEquals(status("POST", { ...HOST, origin: "http://a" }), 405);
  assertEquals(status("GET", { host: "a/b", origin: "http://a" }), 400);
});

Deno.test("refusal() says in one line what was wrong", () => {
  assertEquals(
    refusal("POST", new Fields(new Headers()))?.reason,
    "Method not allowed: expected GET, HEAD, PUT, OPTIONS",
  );
});

const SEEN: ReadonlyArray<
  readonly [url: string, headers: HeadersInit, listener: string, http2: boolean]
> = [
  ["http://169.254.169.254/a", HOST, "127.0.0.1", false],
  ["http://169.254.169.254/a", {}, "127.0.0.1", true],
  ["http://127.0.0.1:4000/a", {}, "127.0.0.1", true],
  ["http://localhost:4000/a", {}, "127.0.0.1", false],
  ["http://localhost:4000/a", { host: "" }, "127.0.0.1", false],
  ["http://localhost:4000?a", {}, "::1", false],
  ["http://localhost/", {}, "0.0.0.0", false],
  ["http://10.0.0.5:4000/a", {}, "10.0.0.5", false],
  ["http://[fd00::5]:4000/a", {}, "fd00::5", false],
  ["https://localhost:4000/a", {}, "127.0.0.1", true],
];

Deno.test("isHttp2() knows a request by its authority where there is no Host", () => {
  for (const [url, headers, hostname, expected] of SEEN) {
    const request = { url, headers: new Headers(headers) };
    assertEquals(isHttp2(request, { hostname }), expected, url);
  }
});
