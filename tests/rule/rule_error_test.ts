import { assertEquals, assertStringIncludes } from "@std/assert";
import { explain, type FailureKind } from "../../lib/rule/rule_error.ts";
import type { Backend } from "../../lib/rule/rule.ts";

const NFT = "iptables-nft-restore v1.8.9 (nf_tables): ";
const LEGACY = "iptables-restore v1.8.9 (legacy): ";

/** What iptables 1.8.9 and nft 1.0.6 say in each case. */
const CASES: readonly [
  name: string,
  backend: Backend,
  code: number | "not found" | "timeout",
  stderr: string,
  kind: FailureKind,
  says: string,
][] = [
  [
    "a lock file that cannot be opened",
    "legacy",
    4,
    "Fatal: can't open lock file /run/xtables.lock: Read-only file system\n",
    "no permission",
    'the lock file "/run/xtables.lock" cannot be opened (Read-only file system), set XTABLES_LOCKFILE',
  ],
  [
    "native nft refused although the capability is there",
    "nftables",
    1,
    "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n",
    "no permission",
    "look for a user namespace, seccomp or SELinux",
  ],
  [
    "a held lock",
    "legacy",
    4,
    "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 5s.\n",
    "busy",
    'another program has held the xtables lock "/run/xtables.lock" for 5 s',
  ],
  [
    "a reason on the line after the program's name",
    "nft",
    4,
    `${NFT}\nline 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS\n`,
    "other",
    `ended with code 4: ${NFT}line 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS`,
  ],
  [
    "a missing owner module, by the extension's name",
    "nft",
    4,
    "Warning: Extension owner revision 0 not supported, missing kernel module?\niptables-nft-restore: line 4: RULE_APPEND failed (No such file or directory): rule in chain C2S-IMDS\n",
    "missing module",
    "Extension owner revision 0 not supported, missing kernel module?; the kernel lacks a module, load nft_compat, ",
  ],
  [
    "a missing match file of iptables",
    "legacy",
    2,
    `${LEGACY}Couldn't load match \`comment':No such file or directory\n`,
    "missing module",
    "; the kernel lacks a module, load iptable_nat, ",
  ],
  [
    "a missing match in the legacy kernel",
    "legacy",
    1,
    "iptables-restore: line 5 failed: No chain/target/match by that name.\n",
    "missing module",
    "ipt_REJECT and ip6t_REJECT (RHEL 10 has them in kernel-modules-extra)",
  ],
  [
    "a missing legacy nat table",
    "legacy",
    3,
    `${LEGACY}can't initialize iptables table \`nat': Table does not exist (do you need to insmod?)\n`,
    "missing module",
    "Table does not exist (do you need to insmod?); the kernel lacks a module",
  ],
  [
    "native rules in table nat that cannot be parsed",
    "nft",
    3,
    "iptables v1.8.9 (nf_tables): Parsing nftables rule failed\n",
    "foreign rules",
    "hold native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables",
  ],
  [
    "native rules in table nat that are incompatible",
    "nft",
    1,
    "iptables v1.8.9 (nf_tables): table `nat' is incompatible, use 'nft' tool.\n",
    "foreign rules",
    "use c2s-imds iptables install --backend nftables",
  ],
  ["a missing program", "nft", "not found", "", "no tool", "is not on PATH"],
  [
    "a program that hangs",
    "nft",
    "timeout",
    "",
    "busy",
    '"iptables-restore" did not end in time and was stopped',
  ],
  [
    "a program that hangs where there is a lock",
    "legacy",
    "timeout",
    "",
    "busy",
    "was stopped, see what holds /run/xtables.lock",
  ],
  [
    "what nobody foresaw",
    "nft",
    1,
    "# Warning: something\niptables-nft-restore: line 3 failed\n",
    "other",
    '"iptables-restore" ended with code 1: iptables-nft-restore: line 3 failed',
  ],
];

for (const [name, backend, code, stderr, kind, says] of CASES) {
  Deno.test(`explain() says what to do about ${name}`, () => {
    const error = explain(
      {
        action: "install the rule",
        command: "iptables-restore",
        backend,
        family: "ip",
      },
      typeof code === "string" ? code : { code, stdout: "", stderr },
    );
    assertEquals(error.kind, kind);
    assertStringIncludes(error.message, "Cannot install the rule: ");
    assertStringIncludes(error.message, says);
    assertEquals(error.message.includes("\n"), false);
  });
}
