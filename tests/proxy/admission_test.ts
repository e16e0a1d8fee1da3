import { assertEquals } from "@std/assert";
import {
  isHttp2,
  originTarget,
  ownAddresses,
  refusal,
} from "../../lib/proxy/admission.ts";
import type { Header } from "../../lib/proxy/headers.ts";

Deno.test("refusal() refuses what the service does not know, and lets browsers through where they may", () => {
  const status = (
    { method = "GET", host = "h", line = "X: y", allowBrowsers = false },
  ) => {
    const [name = "", value = ""] = line.split(": ");
    const headers: Header[] = [["host", host], [name.toLowerCase(), value]];
    return refusal(method, headers, allowBrowsers)?.status;
  };
  assertEquals(status({}), undefined);
  for (const method of ["POST", "DELETE", "TRACE", "PATCH", "get"]) {
    assertEquals(status({ method, allowBrowsers: true }), 405, method);
  }
  const hosts = ["a/b", "a?b", "a#b", "user@a", "a b", "a\\b", "z\xfcrich"];
  for (const host of hosts) {
    assertEquals(status({ host, allowBrowsers: true }), 400, host);
  }
  for (
    const line of ["Origin: null", "Origin", "Sec-Fetch-Site: same-origin"]
  ) {
    assertEquals(status({ line }), 403, line);
    assertEquals(status({ line, allowBrowsers: true }), undefined, line);
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
    const headers: Header[] = host === null ? [] : [["host", host]];
    assertEquals(isHttp2(headers, url, { hostname }), expected, url);
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

const CASES: ReadonlyArray<readonly [url: string, target: string]> = [
  ["http://h/latest/meta-data/", "/latest/meta-data/"],
  ["http://h//latest/./a/../b/%2e%2E", "//latest/./a/../b/%2e%2E"],
  ["http://h/a?x=http://other/b", "/a?x=http://other/b"],
  ["http://h?q=1", "/?q=1"],
  ["http://h", "/"],
  ["http://[::1]:4000/a//", "/a//"],
  ["http://h/*", "/*"],
  ["https://h/a", "/a"],
  ["http://h/caf\u00e9", "/caf\u00c3\u00a9"],
  ["http://h/\u20ac", "/\u00e2\u0082\u00ac"],
];

Deno.test("originTarget() keeps the target byte for byte", () => {
  for (const [url, target] of CASES) assertEquals(originTarget(url), target);
});
