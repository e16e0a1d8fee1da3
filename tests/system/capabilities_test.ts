import { assertEquals } from "@std/assert";
import { missingCapabilities } from "../../lib/system/capabilities.ts";
import type { Runner } from "../../lib/system/runner.ts";

function status(hex: string): Runner {
  const stdout = `Name:\tcat\nCapPrm:\tffffffffffffffff\nCapEff:\t${hex}\n`;
  return () => Promise.resolve({ code: 0, stdout, stderr: "" });
}

Deno.test("missingCapabilities() reads the effective set, and misses nothing where it cannot", async () => {
  const wanted = ["NET_ADMIN", "NET_RAW", "KILL"] as const;
  for (
    const [run, missing] of [
      [status("000001ffffffffff"), []],
      [status("0000000000001000"), ["NET_RAW", "KILL"]],
      [status("0000000000002020"), ["NET_ADMIN"]],
      [status("0000000000000000"), wanted],
      [status("what"), []],
      [() => Promise.resolve("not found"), []],
    ] as readonly (readonly [Runner, readonly string[]])[]
  ) assertEquals(await missingCapabilities(wanted, run), missing);
});
