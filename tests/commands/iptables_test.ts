import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";

function never(): Promise<never> {
  throw new Error("wrong usage runs no command");
}

/** A machine without iptables and nft. */
const bare: Runner = () => Promise.resolve("not found");

for (
  const [line, says] of [
    ["--port 4000", "No action: expected install, remove, status"],
    ["install now", 'Unexpected argument "now": see --help'],
    [
      "install --port 0",
      'Cannot use "0" for --port: expected a port from 1 to 65535',
    ],
    [
      "install --destination 169.254.169.254:0",
      'Cannot use "169.254.169.254:0" for --destination: expected a port from 1 to 65535',
    ],
    [
      "install --destination [fd00:ec2::254]:80",
      'Cannot use "[fd00:ec2::254]:80" for --destination: expected an IPv4 address and a port, --ipv6 adds the IPv6 one',
    ],
    [
      "install --backend iptables",
      'Cannot use "iptables" for --backend: expected one of auto, nft, legacy, nftables',
    ],
    ["remove --json", "Cannot use --json with remove: it is for status"],
    [
      "status --dry-run",
      "Cannot use --dry-run with status: it is for install and remove",
    ],
  ] as const
) {
  Deno.test(`iptables ${line} is wrong usage and runs nothing`, async () => {
    const { code, stderr } = await iptablesWith(never, line);
    assertEquals([code, stderr], [2, `c2s-imds: ${says}\n`]);
  });
}

Deno.test("iptables cannot tell when there is no iptables", async () => {
  const why = "neither iptables nor nft is on PATH, install iptables-nft";
  for (const line of ["install", "remove", "install --dry-run"]) {
    const { code, stdout, stderr } = await iptablesWith(bare, line);
    assertEquals({ code, stdout }, { code: 4, stdout: "" });
    assertMatch(stderr, new RegExp(`^c2s-imds: Cannot \\w+ the rule: ${why}`));
  }
  const { code, stdout, stderr } = await iptablesWith(bare, "status --json");
  assertEquals({ code, stderr }, { code: 4, stderr: "" });
  const { state, reason } = JSON.parse(stdout);
  assertEquals(state, "unknown");
  assertStringIncludes(reason, why);
  const text = await iptablesWith(bare, "status");
  assertEquals([text.code, text.stdout], [4, `${reason}\n`]);
});

/** A machine whose programs of some names all end with 4. */
function broken(names: RegExp, others: Runner = bare): Runner {
  return (argv, options) =>
    names.test(argv[0])
      ? Promise.resolve({ code: 4, stdout: "", stderr: "Out of luck\n" })
      : others(argv, options);
}

/** A working nft, and nothing of ours there. */
const nft: Runner = ([name, first]) =>
  Promise.resolve(
    name !== "nft" ? "not found" : {
      code: first === "--version" ? 0 : 1,
      stdout: "",
      stderr: "Error: No such file or directory\n",
    },
  );

for (
  const [names, flag, name, others] of [
    [/^ip6?tables/, "", "iptables-nft", bare],
    // A rule of ours may stand where nft cannot look.
    [/^ip6?tables/, "", "iptables-nft", nft],
    [/^ip6?tables/, " --backend legacy", "iptables-legacy", bare],
    [/^iptables(-restore|-save)?$/, " --backend nft", "iptables", bare],
    [/^nft$/, " --backend nftables", "nft", bare],
  ] as const
) {
  Deno.test(`iptables${flag} says how ${name} ended when it is broken, ${others.name}`, async () => {
    const run = broken(names, others);
    const how = `"${name}" ended with code 4: Out of luck`;
    for (const action of flag === "" ? ["install", "remove"] : ["install"]) {
      const { code, stderr } = await iptablesWith(run, `${action}${flag}`);
      const message = `c2s-imds: Cannot ${action} the rule: ${how}\n`;
      assertEquals([code, stderr], [1, message]);
    }
    const { code, stdout } = await iptablesWith(run, `status${flag}`);
    const reason = `Cannot tell whether the rule is installed: ${how}\n`;
    assertEquals([code, stdout], [4, reason]);
  });
}

Deno.test("iptables warns of broken programs when others do the job", async () => {
  const some = broken(/^iptables-legacy/, createFakeIptables().run);
  const warning =
    'warning: Cannot look for rules of its own: "iptables-legacy" ended with code 4: Out of luck\n';
  for (const action of ["install", "remove"]) {
    const { code, stderr } = await iptablesWith(some, action);
    assertEquals([code, stderr], [0, warning]);
  }
  assertStringIncludes((await iptablesWith(some, "status")).stdout, warning);
});
