import type { BackendChoice } from "../../lib/config/serve_config.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { parseUser } from "../../lib/config/values.ts";
import { findMachine, resolveUser } from "../../lib/rule/machine.ts";
import { rulePorts } from "../../lib/rule/rule.ts";
import { RuleError } from "../../lib/rule/rule_error.ts";
import type { Runner } from "../../lib/system/runner.ts";

const NFT = "iptables v1.8.9 (nf_tables)";
const LEGACY = "iptables v1.8.9 (legacy)";
const BOTH = {
  "iptables-nft": NFT,
  "iptables-legacy": LEGACY,
  "iptables": NFT,
  "nft": "nftables v1.0.6",
};

/** A machine with programs by version, and what `-save` lists by command. */
async function find(
  versions: Readonly<Record<string, string>>,
  choice: BackendChoice = "auto",
  saved: Readonly<Record<string, string>> = {},
) {
  const run: Runner = ([name, ...args]) => {
    const line = [name, ...args].join(" ");
    const stdout = args[0] === "--version" ? versions[name] : saved[line] ?? "";
    return Promise.resolve(
      stdout === undefined ? "not found" : { code: 0, stdout, stderr: "" },
    );
  };
  return await findMachine(choice, "look", run);
}

const HINT = ":KUBE-IPTABLES-HINT - [0:0]\n";
const CANARY = "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\n";
const SIX = { "ip6tables-nft": NFT, "ip6tables-legacy": LEGACY };

/** What is taken, by what is there and what `-save` lists. */
const CASES: readonly [
  what: string,
  versions: Readonly<Record<string, string>>,
  saved?: Readonly<Record<string, string>>,
][] = [
  ["nft without any hint", BOTH],
  ["nft with kubelet's hint there", BOTH, {
    "iptables-nft-save -t mangle": HINT,
    "iptables-legacy-save": HINT,
  }],
  ["legacy with kubelet's canary there", BOTH, {
    "iptables-legacy-save": CANARY,
  }],
  ["legacy with the hint only in IPv6", { ...BOTH, ...SIX }, {
    "ip6tables-legacy-save": HINT,
  }],
  ["nft where the chain only looks like the hint", BOTH, {
    "iptables-legacy-save": "-A X -j KUBE-IPTABLES-HINT\n",
  }],
  ["legacy where there is only that", { "iptables-legacy": LEGACY }],
  ["nft where plain iptables is it (UBI 9)", { iptables: NFT }],
  ["legacy where it does not say", { iptables: "iptables v1.6.1" }],
  ["nftables without any iptables", { nft: "nftables v1" }],
];

for (const [what, versions, saved] of CASES) {
  Deno.test(`findMachine() takes ${what}`, async () => {
    const { backend } = await find(versions, "auto", saved);
    assertEquals(backend, what.split(" ")[0]);
  });
}

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
  Deno.test(`findMachine() takes ${choice} as told, and says what to install`, async () => {
    if (choice !== "auto") {
      assertEquals((await find(BOTH, choice)).backend, choice);
    }
    const finding = find({}, choice);
    await assertRejects(() => finding, RuleError, `Cannot look: ${says}`);
  });
}

Deno.test("findMachine() prefers the names that say their backend", async () => {
  const { nft } = (await find({ ...BOTH, ip6tables: NFT })).tools;
  assertEquals([nft.ip?.command, nft.ip6?.command], [
    "iptables-nft",
    "ip6tables",
  ]);
});

Deno.test("rulePorts() takes the listeners that a redirect reaches", () => {
  const at = (hostname: string, port: number) => ({ hostname, port });
  const both = [at("127.0.0.1", 1), at("::1", 2)];
  assertEquals(rulePorts(both), { ip: 1, ip6: 2 });
  assertEquals(rulePorts([at("0.0.0.0", 3)]), { ip: 3 });
  assertEquals(rulePorts([at("127.0.0.2", 3), at("10.0.0.1", 4)]), {});
});

const USERS: Readonly<Record<string, string>> = { proxy: "990", toor: "0" };

function resolve(text: string): Promise<number> {
  const user = parseUser({ text, source: "C2S_IMDS_USER" });
  return resolveUser(user, ([, , name = ""]) =>
    Promise.resolve(
      name === "unsaid" ? "not found" : {
        code: USERS[name] === undefined ? 1 : 0,
        stdout: `${USERS[name] ?? ""}\n`,
        stderr: "",
      },
    ));
}

Deno.test("resolveUser() takes a number as it is and looks a name up", async () => {
  assertEquals(await resolve("4294967294"), 4_294_967_294);
  assertEquals(await resolve("proxy"), 990);
});

for (
  const [user, says] of [
    ["toor", "uid 0 would exempt every client that runs as root"],
    ["nobody-here", "no such user here"],
    ["unsaid", '"id" is not on PATH, give the uid'],
  ] as const
) {
  Deno.test(`resolveUser() refuses "${user}", and says why and where it was given`, async () => {
    const { message } = await assertRejects(
      async () => await resolve(user),
      UsageError,
      says,
    );
    assertStringIncludes(message, `"${user}" for C2S_IMDS_USER: `);
  });
}
