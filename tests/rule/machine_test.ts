import { assertEquals, assertRejects } from "@std/assert";
import { chooseBackend } from "../../lib/rule/machine.ts";
import { RuleError } from "../../lib/rule/rule_error.ts";
import type { Backend, BackendChoice } from "../../lib/rule/rule.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { findTools } from "../../lib/rule/tools.ts";

const NFT = "iptables v1.8.9 (nf_tables)";
const LEGACY = "iptables v1.8.9 (legacy)";
const BOTH = {
  "iptables-nft": NFT,
  "iptables-legacy": LEGACY,
  "iptables": NFT,
  "nft": "nftables v1.0.6",
};

/** A machine with programs by version, and what `-save` lists by command. */
function machine(
  versions: Readonly<Record<string, string>>,
  saved: Readonly<Record<string, string>> = {},
): Runner {
  return ([name, ...args]) => {
    const line = [name, ...args].join(" ");
    const stdout = args[0] === "--version" ? versions[name] : saved[line] ?? "";
    return Promise.resolve(
      stdout === undefined ? "not found" : { code: 0, stdout, stderr: "" },
    );
  };
}

async function choose(
  run: Runner,
  choice: BackendChoice = "auto",
): Promise<Backend> {
  return await chooseBackend(choice, await findTools(run), run, "look");
}

const HINT = ":KUBE-IPTABLES-HINT - [0:0]\n";
const CANARY = "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\n";

const CASES: readonly [
  name: string,
  versions: Readonly<Record<string, string>>,
  saved: Readonly<Record<string, string>>,
  expected: Backend,
][] = [
  ["nft without any hint", BOTH, {}, "nft"],
  ["nft with kubelet's hint there", BOTH, {
    "iptables-nft-save -t mangle": HINT,
    "iptables-legacy-save": HINT,
  }, "nft"],
  ["legacy with kubelet's canary there", BOTH, {
    "iptables-legacy-save": CANARY,
  }, "legacy"],
  [
    "legacy with the hint only in IPv6",
    {
      ...BOTH,
      "ip6tables-nft": NFT,
      "ip6tables-legacy": LEGACY,
    },
    { "ip6tables-legacy-save": HINT },
    "legacy",
  ],
  ["nft where the chain only looks like the hint", BOTH, {
    "iptables-legacy-save": "-A X -j KUBE-IPTABLES-HINT\n",
  }, "nft"],
  [
    "legacy where there is only legacy",
    { "iptables-legacy": LEGACY },
    {},
    "legacy",
  ],
  ["nft where plain iptables is it (UBI 9)", { "iptables": NFT }, {}, "nft"],
  [
    "legacy where plain iptables does not say",
    {
      "iptables": "iptables v1.6.1",
    },
    {},
    "legacy",
  ],
  [
    "native nft where there is no iptables",
    { nft: "nftables v1.1" },
    {},
    "nftables",
  ],
];

for (const [name, versions, saved, expected] of CASES) {
  Deno.test(`chooseBackend() takes ${name}`, async () => {
    assertEquals(await choose(machine(versions, saved)), expected);
  });
}

Deno.test("chooseBackend() takes what it is told when that is there", async () => {
  for (const choice of ["nft", "legacy", "nftables"] as const) {
    assertEquals(await choose(machine(BOTH), choice), choice);
  }
});

for (
  const [choice, says] of [
    [
      "auto",
      "neither iptables nor nft is on PATH, install iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine), or nftables",
    ],
    ["nft", '"iptables-nft" is not on PATH, install iptables-nft'],
    ["legacy", '"iptables-legacy" is not on PATH, install iptables (Debian)'],
    ["nftables", '"nft" is not on PATH, install nftables'],
  ] as const
) {
  Deno.test(`chooseBackend() says what to install for ${choice}`, async () => {
    await assertRejects(
      () => choose(machine({}), choice),
      RuleError,
      `Cannot look: ${says}`,
    );
  });
}

Deno.test("findTools() prefers the names that say their backend", async () => {
  const tools = await findTools(machine(BOTH));
  assertEquals(tools.nft.ip, "iptables-nft");
  assertEquals(tools.legacy.ip, "iptables-legacy");
  assertEquals(tools.nft.ip6, undefined);
  const plain = await findTools(machine({ iptables: NFT }));
  assertEquals(plain.nft.ip, "iptables");
  assertEquals(plain.legacy.ip, undefined);
});
