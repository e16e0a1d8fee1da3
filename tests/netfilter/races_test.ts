import { assertEquals, assertRejects } from "@std/assert";
import type { Context } from "../../lib/netfilter/context.ts";
import { NetfilterError } from "../../lib/netfilter/failure.ts";
import { ROUNDS } from "../../lib/netfilter/feed.ts";
import { installRule } from "../../lib/netfilter/install.ts";
import { removeFrom } from "../../lib/netfilter/remove.ts";
import { DEFAULT_DESTINATION, type Rule } from "../../lib/netfilter/rule.ts";
import { findTools } from "../../lib/netfilter/find_tools.ts";
import { createFakeIptables, type FakeIptables } from "./fake_iptables.ts";

const RULE: Rule = { ...DEFAULT_DESTINATION, port: 4000, uid: 10_169 };
const PLACE = { backend: "nft", family: "ip" } as const;
const JUMP =
  "-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";

async function contextOf({ run }: FakeIptables): Promise<Context> {
  return { run, tools: await findTools(run) };
}

Deno.test("installRule() leaves one jump when another install came between", async () => {
  const fake = createFakeIptables();
  fake.beforeRestore = () => {
    if (fake.restores <= 2) fake.output.unshift(JUMP);
  };
  await installRule(await contextOf(fake), "nft", RULE, false);
  assertEquals(fake.output, [JUMP]);
  assertEquals(fake.chain?.length, 2);
});

Deno.test("installRule() goes on when the jump it would replace went away", async () => {
  const fake = createFakeIptables();
  fake.output = [JUMP, JUMP];
  fake.chain = [];
  fake.beforeRestore = () => {
    if (fake.restores === 1) fake.output = [JUMP];
  };
  await installRule(await contextOf(fake), "nft", RULE, false);
  assertEquals(fake.output, [JUMP]);
});

Deno.test("installRule() gives up when others change the rule every time", async () => {
  const fake = createFakeIptables();
  fake.beforeRestore = () => fake.output.unshift(JUMP);
  const error = await assertRejects(
    async () => await installRule(await contextOf(fake), "nft", RULE, false),
    NetfilterError,
  );
  assertEquals(fake.restores, ROUNDS);
  assertEquals(
    error.message,
    `Cannot install the rule: others changed it ${ROUNDS} times while it was installed`,
  );
});

Deno.test("installRule() tries once when trying again cannot help", async () => {
  const fake = createFakeIptables();
  fake.refusal = {
    code: 4,
    stdout: "",
    stderr: "Another app is currently holding the xtables lock.\n",
  };
  await assertRejects(
    async () => await installRule(await contextOf(fake), "nft", RULE, false),
    NetfilterError,
    "has held the xtables lock",
  );
  assertEquals(fake.restores, 1);
});

Deno.test("removeFrom() takes what came while it removed", async () => {
  const fake = createFakeIptables();
  fake.output = [JUMP, "-d 10.0.0.1/32 -j RETURN", JUMP];
  fake.chain = ["-j RETURN"];
  fake.beforeRestore = () => {
    if (fake.restores === 1) fake.output.push(JUMP);
  };
  assertEquals(await removeFrom(await contextOf(fake), PLACE, []), true);
  assertEquals(fake.output, ["-d 10.0.0.1/32 -j RETURN"]);
  assertEquals(fake.chain, undefined);
});

Deno.test("removeFrom() feeds nothing when nothing is there", async () => {
  const fake = createFakeIptables();
  assertEquals(await removeFrom(await contextOf(fake), PLACE, []), false);
  assertEquals(fake.restores, 0);
});
