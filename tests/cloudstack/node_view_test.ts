import { assertEquals } from "@std/assert";
import { viewNode } from "../../lib/cloudstack/discover_router.ts";
import { systemRunner } from "../../lib/system/runner.ts";

Deno.test("viewNode() reads the kernel's files, and resolves names", async () => {
  const { readKernel, resolve } = viewNode(systemRunner);
  assertEquals(await readKernel("/sys/class/net/lo/ifindex"), "1\n");
  assertEquals(await readKernel("/sys/class/net/none/ifindex"), "");
  assertEquals(await resolve("localhost"), "127.0.0.1");
  const { readKernel: without } = viewNode(() => Promise.resolve("not found"));
  assertEquals(await without("/proc/net/route"), "");
});
