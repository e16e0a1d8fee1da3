import { assertEquals } from "@std/assert";
import { originTarget } from "../../lib/proxy/request.ts";

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
