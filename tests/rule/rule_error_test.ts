import { assertEquals, assertStringIncludes } from "@std/assert";
import { explain, type FailureKind } from "../../lib/rule/rule_error.ts";
import type { Backend } from "../../lib/rule/rule.ts";

/** What iptables 1.8.9 and nft 1.0.6 say, and how that is explained. */
const CASES: readonly [
  backend: Backend,
  said: string,
  kind: FailureKind,
  explained: string,
][] = [
  [
    "legacy",
    "Fatal: can't open lock file /run/xtables.lock: Read-only file system",
    "no permission",
    'the lock file "/run/xtables.lock" cannot be opened (Read-only file system), set XTABLES_LOCKFILE',
  ],
  [
    "nftables",
    "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted",
    "no permission",
    "look for a user namespace, seccomp or SELinux",
  ],
  [
    "legacy",
    "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 5s.",
    "busy",
    'another program has held the xtables lock "/run/xtables.lock" for 5 s',
  ],
  [
    "nft",
    "iptables-nft-restore v1.8.9 (nf_tables): \nline 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS",
    "other",
    "ended with code 4: iptables-nft-restore v1.8.9 (nf_tables): line 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS",
  ],
  [
    "nft",
    "Warning: Extension owner revision 0 not supported, missing kernel module?\niptables-nft-restore: line 4: RULE_APPEND failed (No such file or directory): rule in chain C2S-IMDS",
    "missing module",
    "Extension owner revision 0 not supported, missing kernel module?; the kernel lacks a module, load nft_compat, ",
  ],
  [
    "legacy",
    "iptables-restore v1.8.9 (legacy): Couldn't load match `comment':No such file or directory",
    "missing module",
    "; the kernel lacks a module, load iptable_nat, ",
  ],
  [
    "legacy",
    "iptables-restore: line 5 failed: No chain/target/match by that name.",
    "missing module",
    "ipt_REJECT and ip6t_REJECT (RHEL 10 has them in kernel-modules-extra)",
  ],
  [
    "legacy",
    "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)",
    "missing module",
    "Table does not exist (do you need to insmod?); the kernel lacks a module",
  ],
  [
    "nft",
    "iptables v1.8.9 (nf_tables): Parsing nftables rule failed",
    "foreign rules",
    "hold native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables",
  ],
  [
    "nft",
    "iptables v1.8.9 (nf_tables): table `nat' is incompatible, use 'nft' tool.",
    "foreign rules",
    "use c2s-imds iptables install --backend nftables",
  ],
  ["nft", "not found", "no tool", '"iptables-restore" is not on PATH'],
  [
    "nft",
    "timeout",
    "busy",
    '"iptables-restore" did not end in time and was stopped',
  ],
  [
    "legacy",
    "timeout",
    "busy",
    "was stopped, see what holds /run/xtables.lock",
  ],
  [
    "nft",
    "# Warning: something\niptables-nft-restore: line 3 failed",
    "other",
    '"iptables-restore" ended with code 4: iptables-nft-restore: line 3 failed',
  ],
];

for (const [backend, said, kind, explained] of CASES) {
  Deno.test(`explain() says in ${backend} of "${said}": ${explained}`, () => {
    const { kind: found, message } = explain(
      {
        action: "install the rule",
        command: "iptables-restore",
        backend,
        family: "ip",
      },
      said === "not found" || said === "timeout"
        ? said
        : { code: 4, stdout: "", stderr: `${said}\n` },
    );
    assertEquals(found, kind);
    assertStringIncludes(message, "Cannot install the rule: ");
    assertStringIncludes(message, explained);
    assertEquals(message.includes("\n"), false);
  });
}
