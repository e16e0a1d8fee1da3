import { assertEquals } from "@std/assert";
import { pathOf, segmentsOf } from "../../lib/simulator/exchange.ts";

Deno.test("pathOf() keeps the path as sent and drops authority and query", () => {
  const paths = {
    "http://127.0.0.1:80/latest/meta-data/": "/latest/meta-data/",
    "http://x//latest/./a/../b": "//latest/./a/../b",
    "http://x/a?b=/c": "/a",
    "http://x/a#b": "/a",
    "http://x/%2e%2E": "/%2e%2E",
    "http://x": "/",
    "http://x?q=1": "/",
    "http://[::1]:80/a": "/a",
    "/a": "/a",
  };
  for (const [url, path] of Object.entries(paths)) {
    assertEquals(pathOf(url), path, url);
  }
});

Deno.test("segmentsOf() decodes each segment and drops empty ones", () => {
  assertEquals(segmentsOf("/"), []);
  assertEquals(segmentsOf("//a///b/"), ["a", "b"]);
  assertEquals(segmentsOf("/a%2Fb/%75s"), ["a/b", "us"]);
  assertEquals(segmentsOf("/a/./../b"), ["a", ".", "..", "b"]);
});

Deno.test("segmentsOf() gives nothing when an escape is malformed", () => {
  for (const path of ["/%", "/%zz", "/a/%ff"]) {
    assertEquals(segmentsOf(path), undefined, path);
  }
});
