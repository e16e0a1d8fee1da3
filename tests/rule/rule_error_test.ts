import { assertEquals, assertStringIncludes } from "@std/assert";
import { explain, type FailureKind } from "../../lib/rule/rule_error.ts";
import type { Backend } from "../../lib/rule/rule.ts";

/** What iptables 1.8.9 and nft 1.0.6 say in a backend, and what that means. */
const CASES: Readonly<
  Record<
    Exclude<FailureKind, "broken tool">,
    Readonly<Record<`${Backend}: ${string}`, string>>
  >
> = {
  "no permission": {
    "legacy: Fatal: can't open lock file /run/xtables.lock: Read-only file system":
      'the lock file "/run/xtables.lock" cannot be opened (Read-only file system), set XTABLES_LOCKFILE',
    "nftables: Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted":
      "look for a user namespace, seccomp or SELinux",
  },
  "busy": {
    "legacy: Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 5s.":
      'another program has held the xtables lock "/run/xtables.lock" for 5 s',
    "nft: timeout": '"iptables-restore" did not end in time and was stopped',
    "legacy: timeout": "was stopped, see what holds /run/xtables.lock",
  },
  "missing module": {
    "nft: Warning: Extension owner revision 0 not supported, missing kernel module?\niptables-nft-restore: line 4: RULE_APPEND failed (No such file or directory): rule in chain C2S-IMDS":
      "Extension owner revision 0 not supported, missing kernel module?; the kernel lacks a module, load nft_compat, ",
    "legacy: iptables-restore v1.8.9 (legacy): Couldn't load match `comment':No such file or directory":
      "; the kernel lacks a module, load iptable_nat, ",
    "legacy: iptables-restore: line 5 failed: No chain/target/match by that name.":
      "ipt_REJECT and ip6t_REJECT (RHEL 10 has them in kernel-modules-extra)",
    "legacy: iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)":
      "Table does not exist (do you need to insmod?); the kernel lacks a module",
  },
  "foreign rules": {
    "nft: iptables v1.8.9 (nf_tables): Parsing nftables rule failed":
      "hold native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables",
    "nft: iptables v1.8.9 (nf_tables): table `nat' is incompatible, use 'nft' tool.":
      "use c2s-imds iptables install --backend nftables",
  },
  "no tool": { "nft: not found": '"iptables-restore" is not on PATH' },
  "other": {
    "nft: iptables-nft-restore v1.8.9 (nf_tables): \nline 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS":
      "ended with code 4: iptables-nft-restore v1.8.9 (nf_tables): line 4: CHAIN_DEL failed (Device or resource busy): chain C2S-IMDS",
    "nft: # Warning: something\niptables-nft-restore: line 3 failed":
      '"iptables-restore" ended with code 4: iptables-nft-restore: line 3 failed',
  },
};

for (const [kind, cases] of Object.entries(CASES)) {
  Deno.test(`explain() says what is the matter: ${kind}`, () => {
    for (const [line, explained] of Object.entries(cases)) {
      const [, backend, said = ""] = /^(\w+): (.*)$/s.exec(line) ?? [];
      const { kind: found, message } = explain(
        {
          action: "install the rule",
          command: "iptables-restore",
          backend: backend as Backend,
          family: "ip",
        },
        said === "not found" || said === "timeout"
          ? said
          : { code: 4, stdout: "", stderr: `${said}\n` },
      );
      assertEquals(found, kind, line);
      assertStringIncludes(message, "Cannot install the rule: ");
      assertStringIncludes(message, explained);
      assertEquals(message.includes("\n"), false);
    }
  });
}
