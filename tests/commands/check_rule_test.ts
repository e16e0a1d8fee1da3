import { assert, assertEquals, assertMatch } from "@std/assert";
import { readRule } from "../../lib/commands/check_rule.ts";
import { DEFAULT_DESTINATION, DESTINATION_IPV6 } from "../../lib/rule/rule.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";

const PROXY = { port: 4000, uid: 10_169 };
const WELL = { backend: "nft", differences: [], directClients: 0 };

/** A machine where `c2s-imds iptables` ran once. */
async function after(line: string): Promise<Runner> {
  const { run } = createFakeIptables();
  assertEquals((await iptablesWith(run, line)).code, 0);
  return run;
}

Deno.test("readRule() runs nothing when no rule can catch the address", async () => {
  const run: Runner = () => Promise.reject(new Error("Ran a command"));
  assertEquals(await readRule(undefined, PROXY, run), { state: "not needed" });
});

Deno.test("readRule() tells a rule that is there from one that is not", async () => {
  const read = (run: Runner) => readRule(DEFAULT_DESTINATION, PROXY, run);
  assertEquals<unknown>(await read(createFakeIptables().run), {
    state: "absent",
    ...WELL,
  });
  assertEquals<unknown>(await read(await after("install")), {
    state: "installed",
    ...WELL,
  });
});

Deno.test("readRule() tells what differs", async () => {
  const run = await after("install --port 4001");
  const reading = await readRule(DEFAULT_DESTINATION, PROXY, run);
  assertEquals<unknown>(reading, {
    state: "drift",
    ...WELL,
    differences: ["IPv4 in the nft backend: port is 4001, expected 4000"],
  });
});

Deno.test("readRule() knows the closed port of a proxy that is down", async () => {
  const run = await after("install --port 1");
  const { state } = await readRule(DEFAULT_DESTINATION, PROXY, run);
  assertEquals(state, "blocked");
  const other = await after("install --port 1 --user 5");
  assertEquals(
    (await readRule(DEFAULT_DESTINATION, PROXY, other)).state,
    "drift",
  );
});

Deno.test("readRule() expects the IPv6 rule when its address is asked", async () => {
  const { run } = createFakeIptables();
  const reading = await readRule(DESTINATION_IPV6, PROXY, run);
  assert(reading.state === "unknown");
  assertMatch(reading.reason, /"ip6tables-nft" is not on PATH/);
});

Deno.test("readRule() cannot tell without programs or rights", async () => {
  const none: Runner = () => Promise.resolve("not found");
  const reading = await readRule(DEFAULT_DESTINATION, PROXY, none);
  assert(reading.state === "unknown");
  assertMatch(reading.reason, /neither iptables nor nft is on PATH/);
});

Deno.test("readRule() gives no command longer than two seconds", async () => {
  const limits: (number | undefined)[] = [];
  const { run } = createFakeIptables();
  await readRule(DEFAULT_DESTINATION, PROXY, (argv, options) => {
    limits.push(options?.timeoutMs);
    return run(argv, options);
  });
  assert(limits.length > 0);
  assertEquals(new Set(limits), new Set([2_000]));
});
