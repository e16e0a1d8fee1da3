import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  coveredTargets,
  findMachine,
  openMachine,
} from "../../lib/rule/machine.ts";
import {
  look,
  reconcile,
  requireAlone,
  ROUNDS,
} from "../../lib/rule/reconcile.ts";
import { ConflictError, RuleError } from "../../lib/rule/rule_error.ts";
import type { Runner, RunResult } from "../../lib/system/runner.ts";
import { createFakeIptables, type FakeIptables } from "./fake_iptables.ts";
import { JUMP, OPEN } from "./samples.ts";

const ABSENT = { state: "absent" } as const;

/** A machine with the fake, and with the rule where that is wanted. */
async function machineWith(fake: FakeIptables, installed = false) {
  const machine = await openMachine("auto", "install the rule", fake.run);
  if (installed) await reconcile(machine, OPEN);
  fake.restores.length = 0;
  return machine;
}

Deno.test("reconcile() installs the guard first, removes it last, and feeds nothing twice", async () => {
  const fake = createFakeIptables();
  const machine = await machineWith(fake);
  const first = await reconcile(machine, OPEN);
  assertEquals(fake.restores, ["filter", "nat"]);
  const was = ["IPv4 in the nft backend: no rule is there"];
  assertEquals([first.was, first.removed], [was, []]);
  assertEquals((await reconcile(machine, OPEN)).was, []);
  assertEquals(fake.restores.splice(0), ["filter", "nat"]);
  const { removed: [place], reached } = await reconcile(machine, ABSENT);
  assertEquals([place?.backend, place?.family], ["nft", "ip"]);
  assertEquals(reached, ABSENT);
  const drained = await reconcile(machine, { state: "draining" });
  assertEquals(drained.reached, ABSENT);
  assertEquals((await reconcile(machine, ABSENT)).was, []);
  assertEquals(fake.restores, ["nat", "filter"]);
});

Deno.test("reconcile() asks nothing of backends that it shall leave alone", async () => {
  const fake = createFakeIptables();
  const asked = new Set<string>();
  const machine = {
    ...await machineWith(fake),
    backends: ["nft"] as const,
    run: ((argv, options) => {
      asked.add(argv[0]);
      return fake.run(argv, options);
    }) satisfies Runner,
    tools: {
      ...(await machineWith(fake)).tools,
      legacy: { ip: { command: "iptables-legacy" } },
    },
  };
  await reconcile(machine, OPEN);
  assertEquals([...asked], ["iptables-nft", "iptables-nft-restore"]);
});

Deno.test("reconcile() goes on when the jump it would replace went away", async () => {
  const fake = createFakeIptables();
  const machine = await machineWith(fake, true);
  fake.nat.output = [JUMP, JUMP];
  fake.beforeRestore = () => {
    if (fake.restores.length === 1) fake.nat.output = [JUMP];
  };
  await reconcile(machine, OPEN);
  assertEquals(fake.nat.output, [JUMP]);
});

Deno.test("reconcile() removes what came while it removed", async () => {
  const fake = createFakeIptables();
  const machine = await machineWith(fake, true);
  fake.nat.output = [JUMP, "-d 10.0.0.1/32 -j RETURN", JUMP];
  fake.beforeRestore = () => {
    if (fake.restores.length === 1) fake.nat.output.push(JUMP);
  };
  await reconcile(machine, ABSENT);
  assertEquals(fake.nat, {
    output: ["-d 10.0.0.1/32 -j RETURN"],
    chain: undefined,
  });
});

Deno.test("reconcile() gives up when others change the rule every time", async () => {
  const fake = createFakeIptables();
  const machine = await machineWith(fake);
  fake.beforeRestore = () => fake.nat.output.unshift(JUMP);
  await assertRejects(
    () => reconcile(machine, OPEN),
    RuleError,
    `Cannot install the rule: others changed it ${ROUNDS} times meanwhile; there is: IPv4 in the nft backend: the redirect has `,
  );
});

const REFUSALS: readonly [
  name: string,
  stderr: string,
  feeds: string[],
  says: string,
][] = [
  [
    "tries once when trying again cannot help",
    "Another app is currently holding the xtables lock.\n",
    ["filter", "nat"],
    'has held the xtables lock "/run/xtables.lock" for 5 s, try again or find it with fuser /run/xtables.lock; there is: IPv4 in the nft backend: the redirect is missing',
  ],
  [
    "tries thrice, and leaves no guard alone, where the kernel lacks a module",
    "Warning: Extension REDIRECT revision 0 not supported, missing kernel module?\n",
    ["filter", "nat", "nat", "nat", "filter"],
    "; no rule is there",
  ],
];

for (const [name, stderr, feeds, says] of REFUSALS) {
  Deno.test(`reconcile() ${name}`, async () => {
    const fake = createFakeIptables();
    const machine = await machineWith(fake);
    fake.refusals.nat = { code: 4, stdout: "", stderr };
    const error = await assertRejects(
      () => reconcile(machine, OPEN),
      RuleError,
    );
    assertStringIncludes(error.message, says);
    assertEquals(fake.restores, feeds);
  });
}

/** What a program that lies or was cut short prints for a list. */
const GARBAGE: Readonly<Record<string, string>> = {
  nothing: "",
  "a list without its end": `-P OUTPUT ACCEPT\n-A OUTPUT ${JUMP}`,
  "something else": "-P OUTPUT ACCEPT\nhello\n",
};

for (const [what, stdout] of Object.entries(GARBAGE)) {
  Deno.test(`reconcile() reports nothing it has not seen when a list is ${what}`, async () => {
    const fake = createFakeIptables();
    const run: Runner = async (argv, options) =>
      argv.includes("-S")
        ? { code: 0, stdout, stderr: "" } satisfies RunResult
        : await fake.run(argv, options);
    const machine = await openMachine("auto", "remove the rule", run);
    await assertRejects(
      () => reconcile(machine, ABSENT),
      RuleError,
      'Cannot remove the rule: "iptables-nft" did not print a whole list of rules',
    );
    await assertRejects(
      () => reconcile(machine, OPEN),
      RuleError,
      "whole list",
    );
    assertEquals(fake.restores, []);
  });
}

Deno.test("reconcile() takes half a table of native nft for none it can read", async () => {
  const table = "table ip c2s-imds {\n\tchain output {\n";
  const run: Runner = ([name, ...args]) =>
    Promise.resolve(
      name !== "nft" ? "not found" : {
        code: 0,
        stdout: args[0] === "--version" ? "nftables v1.0.6\n" : table,
        stderr: "",
      },
    );
  const machine = await findMachine("auto", "install the rule", run);
  await assertRejects(() => reconcile(machine, OPEN), RuleError, "whole list");
});

Deno.test("reconcile() looks again in the other backend that it took a rule from", async () => {
  const fake = createFakeIptables();
  const legacy = createFakeIptables();
  legacy.files["/proc/net/ip_tables_names"] = "filter\nnat\n";
  const run: Runner = ([name, ...args], options) =>
    name.startsWith("iptables-legacy")
      ? legacy.run([name.replace("legacy", "nft"), ...args], options)
      : name === "cat"
      ? legacy.run([name, ...args], options)
      : fake.run([name, ...args], options);
  const machine = await openMachine("nft", "install the rule", run);
  await reconcile({ ...machine, backend: "legacy" }, OPEN);
  legacy.refusals.nat = { code: 4, stdout: "", stderr: "no\n" };
  await assertRejects(
    () => reconcile(machine, OPEN),
    RuleError,
    "IPv4 in the legacy backend: a rule is there, expected only in the nft backend",
  );
  legacy.refusals = {};
  const { removed } = await reconcile(machine, OPEN);
  assertEquals(removed.map(({ backend }) => backend), ["legacy"]);
  assertEquals(legacy.nat.chain, undefined);
});

Deno.test("reconcile() reads anew after IPv6's guard failed, whatever was known before", async () => {
  const fake = createFakeIptables();
  const ip6 = createFakeIptables();
  fake.files["/proc/net/if_inet6"] = "";
  const run: Runner = ([name, ...args], options) =>
    name.startsWith("ip6tables")
      ? ip6.run([name.replace("ip6", "ip"), ...args], options)
      : fake.run([name, ...args], options);
  const machine = await openMachine("auto", "install the rule", run);
  await reconcile(machine, OPEN);
  const known = await requireAlone(machine);
  const stderr = "ip6tables: can't initialize ip6tables table `filter'\n";
  ip6.refusals.filter = { code: 3, stdout: "", stderr };
  ip6.beforeRestore = () => fake.nat = { output: [], chain: undefined };
  const targets = coveredTargets(machine, { ip: 4000 });
  const desired = { state: "open", uid: 10_169, targets } as const;
  const { unguarded: [why = ""] } = await reconcile(
    machine,
    desired,
    [4000],
    known,
  );
  assertStringIncludes(why, "IPv6 is not guarded");
  assertEquals(await look(machine, OPEN), []);
});

Deno.test("look() sees in OUTPUT and our chains that the rule is not in place", async () => {
  const fake = createFakeIptables();
  const asked: string[] = [];
  const machine = {
    ...await machineWith(fake, true),
    run: ((argv, options) => {
      asked.push(argv.slice(3).join(" "));
      return fake.run(argv, options);
    }) satisfies Runner,
  };
  assertEquals(await look(machine, OPEN), []);
  assertEquals(asked.splice(0).sort(), [
    "-t filter -S C2S-IMDS",
    "-t filter -S OUTPUT",
    "-t nat -S C2S-IMDS",
    "-t nat -S OUTPUT",
  ]);
  const differences = async () =>
    (await look(machine, OPEN)).map((text) => text.split(": ")[1]);
  const chain = fake.filter.chain;
  fake.filter.chain = [];
  assertEquals(await differences(), ["the guard is not the expected one"]);
  fake.filter.chain = chain;
  fake.nat.output = [];
  const missing = "the redirect has 0 jumps from OUTPUT, expected 1";
  assertEquals(await differences(), [missing]);
  fake.filter.output.unshift("-o lo -j ACCEPT");
  assertEquals((await differences()).length, 2);
});

/** Who listens on 127.0.0.1, and whether that is another instance. */
const LISTENERS: readonly [
  who: string,
  port: string,
  uid: number,
  isConflict: boolean,
][] = [
  ["the rule's user", "0FA0", 10_169, true],
  ["another user", "0FA0", 1000, false],
  ["root", "0FA0", 0, false],
  ["the rule's user on another port", "0FA1", 10_169, false],
];

for (const [who, port, uid, isConflict] of LISTENERS) {
  Deno.test(`reconcile() ${isConflict ? "leaves" : "replaces"} a rule when ${who} listens at its port`, async () => {
    const fake = createFakeIptables();
    const machine = await machineWith(fake, true);
    fake.files["/proc/net/tcp"] =
      `  sl  local_address\n   1: 0100007F:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1\n`;
    const replace = [
      () => requireAlone(machine),
      () => reconcile(machine, ABSENT, [4001]),
    ];
    for (const act of replace) {
      if (!isConflict) await act();
      else await assertRejects(act, ConflictError, "port 4000 as uid 10169");
    }
    assertEquals(fake.restores.length === 0, isConflict);
    if (isConflict) await reconcile(machine, ABSENT, [4000]);
    assertEquals(fake.restores, ["nat", "filter"]);
  });
}
