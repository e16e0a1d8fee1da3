import { assertEquals, assertRejects } from "@std/assert";
import { NetfilterError } from "../../lib/netfilter/failure.ts";
import { DEFAULT_DESTINATION } from "../../lib/netfilter/rule.ts";
import { openRule } from "../../lib/netfilter/rule_manager.ts";
import type { RunResult } from "../../lib/system/runner.ts";
import { createFakeIptables } from "./fake_iptables.ts";

const OPTIONS = {
  uid: 10_169,
  destinations: [DEFAULT_DESTINATION],
  backend: "auto",
} as const;

const REFUSED: RunResult = { code: 4, stdout: "", stderr: "x: no\n" };

Deno.test("RuleManager.mayStand tells whether something came into the kernel", async () => {
  const fake = createFakeIptables();
  const rule = await openRule(OPTIONS, fake.run);
  assertEquals(rule.mayStand, false);
  fake.refusal = REFUSED;
  await assertRejects(() => rule.install({ ip: 4000 }), NetfilterError);
  assertEquals(rule.mayStand, false);
  fake.refusal = undefined;
  await rule.install({ ip: 4000 });
  assertEquals(rule.mayStand, true);
  await rule.remove();
  assertEquals(rule.mayStand, false);
});

Deno.test("RuleManager.mayStand is true where an installation fails after its feed", async () => {
  const fake = createFakeIptables();
  const rule = await openRule(
    OPTIONS,
    async (argv, options) =>
      fake.restores > 0 && argv.includes("-C")
        ? REFUSED
        : await fake.run(argv, options),
  );
  await assertRejects(() => rule.install({ ip: 4000 }), NetfilterError);
  assertEquals(fake.output.length, 1);
  assertEquals(rule.mayStand, true);
});

Deno.test("RuleManager.remove() fails for the backend it installed in, not for others", async () => {
  for (
    const [broken, fails] of [
      ["iptables-legacy-save", false],
      ["iptables-nft-save", true],
    ] as const
  ) {
    const fake = createFakeIptables();
    let isBroken = false;
    const rule = await openRule(OPTIONS, async (argv, options) => {
      if (isBroken && argv[0] === broken) return REFUSED;
      return argv[0].startsWith("iptables-legacy")
        ? {
          code: 0,
          stdout: argv.includes("--version")
            ? "iptables v1.8.9 (legacy)\n"
            : "",
          stderr: "",
        }
        : await fake.run(argv, options);
    });
    await rule.install({ ip: 4000 });
    isBroken = true;
    if (fails) await assertRejects(() => rule.remove(), NetfilterError);
    else await rule.remove();
    assertEquals(rule.mayStand, fails);
  }
});
