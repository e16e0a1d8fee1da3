import { assertEquals } from "@std/assert";
import { fixedSource } from "../../../lib/proxy/upstream/upstream_source.ts";

Deno.test("fixedSource() stays where it is, whatever fails", async () => {
  const address = { hostname: "127.0.0.1", port: 9 };
  const source = fixedSource(address);
  assertEquals(source.moves, false);
  source.failed(address);
  assertEquals(await source.current(0), address);
  source.close();
});
