import { assertEquals } from "@std/assert";
import { missingCapabilities } from "../../lib/system/capabilities.ts";
import type { Runner } from "../../lib/system/runner.ts";

function status(hex: string): Runner {
  return () =>
    Promise.resolve({
      code: 0,
      stdout: `Name:\tcat\nCapPrm:\tffffffffffffffff\nCapEff:\t${hex}\n`,
      stderr: "",
    });
}

Deno.test("missingCapabilities() reads the effective set", async () => {
  const wanted = ["NET_ADMIN", "NET_RAW", "KILL"] as const;
  const missing = (hex: string) => missingCapabilities(wanted, status(hex));
  assertEquals(await missing("000001ffffffffff"), []);
  assertEquals(await missing("0000000000001000"), ["NET_RAW", "KILL"]);
  assertEquals(await missing("0000000000002020"), ["NET_ADMIN"]);
  assertEquals(await missing("0000000000000000"), wanted);
});

Deno.test("missingCapabilities() is empty when it cannot be read", async () => {
  const wanted = ["NET_ADMIN"] as const;
  const notFound: Runner = () => Promise.resolve("not found");
  assertEquals(await missingCapabilities(wanted, notFound), []);
  assertEquals(await missingCapabilities(wanted, status("what")), []);
});
