import { assertEquals } from "@std/assert";
import { isHttp2, ownAddresses, refusal } from "../../lib/proxy/admission.ts";
import type { Header } from "../../lib/proxy/headers.ts";

Deno.test("refusal() lets browsers through where they may, and checks the rest", () => {
  const cases: ReadonlyArray<readonly [string, string, boolean, number?]> = [
    ["GET", "h", false, 403],
    ["GET", "h", true],
    ["POST", "h", true, 405],
    ["GET", "a/b", true, 400],
  ];
  for (const [method, host, allowBrowsers, status] of cases) {
    const headers: Header[] = [["host", host], ["origin", "http://a"]];
    assertEquals(refusal(method, headers, allowBrowsers)?.status, status);
  }
});

const SEEN: ReadonlyArray<
  readonly [url: string, host: string | null, listener: string, http2: boolean]
> = [
  ["http://169.254.169.254/a", "169.254.169.254", "127.0.0.1", false],
  ["http://169.254.169.254/a", null, "127.0.0.1", true],
  ["http://127.0.0.1:4000/a", null, "127.0.0.1", true],
  ["http://localhost:4000/a", null, "127.0.0.1", false],
  ["http://localhost:4000/a", "", "127.0.0.1", false],
  ["http://localhost:4000?a", null, "::1", false],
  ["http://localhost/", null, "0.0.0.0", false],
  ["http://10.0.0.5:4000/a", null, "10.0.0.5", false],
  ["http://[fd00::5]:4000/a", null, "fd00::5", false],
  ["https://localhost:4000/a", null, "127.0.0.1", true],
];

Deno.test("isHttp2() knows a request by its authority where there is no Host", () => {
  for (const [url, host, hostname, expected] of SEEN) {
    const headers = new Headers(host === null ? {} : { host });
    assertEquals(isHttp2({ url, headers }, { hostname }), expected, url);
  }
});

Deno.test("ownAddresses() tells the node's addresses from others', asking ten times a second at most", () => {
  const addresses = ["10.0.0.5", "fe80::1"];
  let asked = 0;
  let now = 0;
  const isOwn = ownAddresses(() => {
    asked++;
    return [...addresses];
  }, () => now);
  const loopback = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"];
  assertEquals(loopback.every((it) => isOwn(it)), true);
  assertEquals(asked, 0);
  for (const address of ["10.0.0.5", "::ffff:10.0.0.5", "fe80::1%eth0"]) {
    assertEquals(isOwn(address), true, address);
  }
  addresses.push("10.0.0.6");
  assertEquals([isOwn("10.0.0.6"), asked], [false, 1]);
  now = 100;
  assertEquals([isOwn("10.0.0.6"), asked], [true, 2]);
});
