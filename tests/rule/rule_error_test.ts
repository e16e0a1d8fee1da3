import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Capability } from "../../lib/system/capabilities.ts";
import { explain, type FailureKind } from "../../lib/rule/rule_error.ts";
import type { Backend } from "../../lib/rule/rule.ts";
import type { NotRun, RunResult } from "../../lib/system/runner.ts";

function said(code: number, stderr: string): RunResult {
  return { code, stdout: "", stderr };
}

/** What iptables 1.8.9 and nft 1.0.6 say in each case. */
const CASES: readonly {
  name: string;
  backend?: Backend;
  result: RunResult | NotRun;
  missing?: readonly Capability[];
  kind: FailureKind;
  says: string;
}[] = [
  {
    name: "nft without NET_ADMIN",
    result: said(
      4,
      "iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
    ),
    missing: ["NET_ADMIN"],
    kind: "no permission",
    says:
      "this process lacks CAP_NET_ADMIN, run it as root or give its container NET_ADMIN",
  },
  {
    name: "legacy as root without NET_ADMIN",
    backend: "legacy",
    result: said(
      1,
      "getsockopt failed strangely: Operation not permitted\n",
    ),
    missing: ["NET_ADMIN", "NET_RAW"],
    kind: "no permission",
    says: "lacks CAP_NET_ADMIN and CAP_NET_RAW, which legacy iptables needs",
  },
  {
    name: "legacy as an ordinary user",
    backend: "legacy",
    result: said(
      4,
      "Fatal: can't open lock file /run/xtables.lock: Permission denied\n",
    ),
    missing: ["NET_ADMIN", "NET_RAW"],
    kind: "no permission",
    says: "lacks CAP_NET_ADMIN and CAP_NET_RAW",
  },
  {
    name: "a lock file that cannot be opened",
    backend: "legacy",
    result: said(
      4,
      "Fatal: can't open lock file /run/xtables.lock: Read-only file system\n",
    ),
    kind: "no permission",
    says:
      'the lock file "/run/xtables.lock" cannot be opened (Read-only file system), set XTABLES_LOCKFILE',
  },
  {
    name: "native nft refused although the capability is there",
    backend: "nftables",
    result: said(
      1,
      "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n",
    ),
    kind: "no permission",
    says: "look for a user namespace, seccomp or SELinux",
  },
  {
    name: "an unknown user",
    result: said(
      2,
      'iptables v1.8.9 (nf_tables): owner: Bad value for "--uid-owner" option: "x"\nTry `iptables -h\' or \'iptables --help\' for more information.\n',
    ),
    kind: "unknown user",
    says: 'iptables knows no user "x", give --user the numeric uid',
  },
  {
    name: "a held lock",
    backend: "legacy",
    result: said(
      4,
      "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 5s.\n",
    ),
    kind: "lock held",
    says:
      'another program has held the xtables lock "/run/xtables.lock" for 5 s',
  },
  {
    name: "a reason on the line after the program's name",
    result: said(
      4,
      "iptables-nft-restore v1.8.9 (nf_tables): \nline 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS\n",
    ),
    kind: "other",
    says:
      "ended with code 4: iptables-nft-restore v1.8.9 (nf_tables): line 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS",
  },
  {
    name: "a missing owner module, by the extension's name",
    result: said(
      4,
      "Warning: Extension owner revision 0 not supported, missing kernel module?\niptables-nft-restore: line 4: RULE_APPEND failed (No such file or directory): rule in chain C2S-IMDS\n",
    ),
    kind: "missing module",
    says: "load xt_owner (RHEL 10 has them in kernel-modules-extra)",
  },
  {
    name: "a missing redirect module, by the extension's name",
    result: said(
      4,
      "Warning: Extension REDIRECT revision 0 not supported, missing kernel module?\n",
    ),
    kind: "missing module",
    says: "load xt_REDIRECT",
  },
  {
    name: "a missing match file of iptables",
    backend: "legacy",
    result: said(
      2,
      "iptables-restore v1.8.9 (legacy): Couldn't load match `comment':No such file or directory\n",
    ),
    kind: "missing module",
    says: "load xt_comment",
  },
  {
    name: "a missing match in the legacy kernel",
    backend: "legacy",
    result: said(
      1,
      "iptables-restore: line 5 failed: No chain/target/match by that name.\n",
    ),
    kind: "missing module",
    says: "load xt_owner, xt_comment, xt_tcpudp, xt_REDIRECT or ipt_REJECT",
  },
  {
    name: "a missing legacy nat table",
    backend: "legacy",
    result: said(
      3,
      "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)\n",
    ),
    kind: "missing module",
    says: "load iptable_nat and iptable_filter, or ip6table_nat",
  },
  {
    name: "native rules in table nat that cannot be parsed",
    result: said(
      3,
      "iptables v1.8.9 (nf_tables): Parsing nftables rule failed\n",
    ),
    kind: "foreign rules",
    says:
      "holds native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables",
  },
  {
    name: "native rules in table nat that are incompatible",
    result: said(
      1,
      "iptables v1.8.9 (nf_tables): table `nat' is incompatible, use 'nft' tool.\n",
    ),
    kind: "foreign rules",
    says: "use c2s-imds iptables install --backend nftables",
  },
  {
    name: "a missing program",
    result: "not found",
    kind: "no tool",
    says: '"iptables-nft-restore" is not on PATH',
  },
  {
    name: "a program that hangs",
    result: "timeout",
    kind: "timeout",
    says: '"iptables-nft-restore" did not end in time and was stopped',
  },
  {
    name: "a program that hangs where there is a lock",
    backend: "legacy",
    result: "timeout",
    kind: "timeout",
    says: "was stopped, see what holds /run/xtables.lock",
  },
  {
    name: "what nobody foresaw",
    result: said(
      1,
      "# Warning: something\niptables-nft-restore: line 3 failed\n",
    ),
    kind: "other",
    says:
      '"iptables-nft-restore" ended with code 1: iptables-nft-restore: line 3 failed',
  },
  {
    name: "a silent end",
    result: said(137, ""),
    kind: "other",
    says: '"iptables-nft-restore" ended with code 137',
  },
];

for (
  const { name, backend = "nft", result, missing = [], kind, says } of CASES
) {
  Deno.test(`explain() says what to do about ${name}`, () => {
    const error = explain(
      { action: "install the rule", command: "iptables-nft-restore", backend },
      result,
      missing,
    );
    assertEquals(error.kind, kind);
    assertEquals(
      error.message.slice(0, 25),
      "Cannot install the rule: ",
    );
    assertStringIncludes(error.message, says);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("explain() names no lock where the backend has none", () => {
  const attempt = {
    action: "install the rule",
    command: "iptables-nft-restore",
    backend: "nft",
  } as const;
  assertEquals(explain(attempt, "timeout", []).message.includes("lock"), false);
});
