/**
 * From exit codes and messages of iptables and nft to one line that says what
 * failed and what to do.
 *
 * Exit codes alone do not tell: 1 stands for a missing rule, a missing right
 * and a missing module alike, and the codes differ between the backends.
 *
 * @module
 */
import type { Capability } from "../system/capabilities.ts";
import type { NotRun, RunResult } from "../system/runner.ts";
import type { Backend, Family } from "./rule.ts";

/**
 * How long iptables waits for the xtables lock, in seconds, as `-w` takes it.
 * Some versions wait for ever all the same, so the runner has a time limit of
 * its own, twice as long.
 */
export const LOCK_WAIT_S = 5;

/** The kinds of failure. */
export type FailureKind =
  | "no permission"
  | "no tool"
  | "broken tool"
  | "lock held"
  | "unknown user"
  | "missing module"
  | "foreign rules"
  | "timeout"
  | "other";

/** The rule could not be read or changed; the message is one line. */
export class RuleError extends Error {
  /** What kind of failure it is. */
  readonly kind: FailureKind;
  /** The family it is about, where it is about one. */
  readonly family: Family | undefined;

  /**
   * Makes one.
   *
   * @param kind what kind of failure it is
   * @param message the one line for people
   */
  constructor(
    kind: FailureKind,
    message: string,
    options: ErrorOptions & { readonly family?: Family | undefined } = {},
  ) {
    super(message, options);
    this.name = "RuleError";
    this.kind = kind;
    this.family = options.family;
  }
}

/**
 * Whether there is no telling how things stand, for want of rights or programs.
 */
export function isOutOfReach(error: unknown): error is RuleError {
  return error instanceof RuleError &&
    (error.kind === "no tool" || error.kind === "no permission");
}

/** What was tried, for the message. */
export interface Attempt {
  /** What was being done: `install the rule`. */
  readonly action: string;
  /** The command's name. */
  readonly command: string;
  /** Its backend. */
  readonly backend: Backend;
  /** The family it was tried for, where it was for one. */
  readonly family?: Family;
}

/** The kernel modules behind what the rule uses, by extension and table. */
const MODULES: Readonly<Record<string, string>> = {
  comment: "xt_comment",
  conntrack: "xt_conntrack",
  owner: "xt_owner",
  reject: "ipt_REJECT or ip6t_REJECT",
  redirect: "xt_REDIRECT",
  tcp: "xt_tcpudp",
};

/** What the whole rule needs, where the message does not say which is missing. */
const RULE_MODULES: Readonly<Record<Backend, string>> = {
  nft: "nft_compat, xt_owner, xt_comment, xt_tcpudp, xt_REDIRECT or ipt_REJECT",
  legacy: "xt_owner, xt_comment, xt_tcpudp, xt_REDIRECT or ipt_REJECT",
  nftables: "nf_tables, nft_chain_nat, nft_redir or nft_reject",
};

const FOREIGN = /is incompatible, use 'nft'|Parsing nftables rule failed/;
const PERMISSION = /Permission denied|Operation not permitted|you must be root/;
const LOCK_FILE = /can't open lock file ([^:\s]+): ([^\n]+)/;
const LOCK_HELD = /xtables lock|Can't lock (\S+):/;
const USER = /Bad value for "--uid-owner" option: "([^"]*)"/;
const TABLE =
  /(?:can't|unable to) initialize (?:iptables |ip6tables )?table [`'](?:nat|filter)'|Table does not exist/;
const EXTENSION =
  /Extension (\w+) revision|Couldn't load (?:match|target) [`'](\w+)'/;
const NO_MODULE =
  /missing kernel module|Protocol not (?:supported|available)|Address family not supported/;
const MISSING =
  /No chain\/target\/match by that name|No such file or directory|Operation not supported/;

/** Whether a listing says that it leaves out rules iptables cannot show. */
export function hasForeignRules(result: RunResult): boolean {
  return FOREIGN.test(result.stdout) || FOREIGN.test(result.stderr);
}

/**
 * Whether a failed read only means that the kernel has no such table, or lacks
 * a module without which there can be none.
 */
export function isWithoutTable(result: RunResult): boolean {
  return result.code !== 0 && !PERMISSION.test(result.stderr) &&
    (TABLE.test(result.stderr) || NO_MODULE.test(result.stderr));
}

/**
 * Explains why a command did not do its work.
 *
 * @param attempt what was tried
 * @param result how the command ended
 * @param missing which of NET_ADMIN and NET_RAW this process lacks
 */
export function explain(
  attempt: Attempt,
  result: RunResult | NotRun,
  missing: readonly Capability[],
): RuleError {
  const { action, command, backend, family } = attempt;
  const failed = (kind: FailureKind, detail: string) =>
    new RuleError(kind, `Cannot ${action}: ${detail}`, { family });
  if (result === "not found") {
    return failed("no tool", `"${command}" is not on PATH`);
  }
  if (result === "timeout") {
    return failed(
      "timeout",
      `"${command}" did not end in time and was stopped${
        backend === "legacy" ? ", see what holds /run/xtables.lock" : ""
      }`,
    );
  }
  const text = `${result.stderr}\n${result.stdout}`;
  const file = LOCK_FILE.exec(text);
  if (missing.length > 0 && (PERMISSION.test(text) || file !== null)) {
    return failed("no permission", lacking(missing, backend));
  }
  if (file !== null) {
    return failed(
      "no permission",
      `the lock file "${file[1]}" cannot be opened (${
        file[2]
      }), set XTABLES_LOCKFILE to a file that can be written`,
    );
  }
  const lock = LOCK_HELD.exec(text);
  if (lock !== null) {
    const path = lock[1] ?? "/run/xtables.lock";
    return failed(
      "lock held",
      `another program has held the xtables lock "${path}" for ${LOCK_WAIT_S} s, try again or find it with fuser ${path}`,
    );
  }
  const user = USER.exec(text);
  if (user !== null) {
    return failed(
      "unknown user",
      `iptables knows no user "${user[1]}", give --user the numeric uid`,
    );
  }
  if (FOREIGN.test(text)) return foreign(action, "ip", "nat");
  if (PERMISSION.test(text)) {
    return failed(
      "no permission",
      `"${command}" was refused although this process has NET_ADMIN and NET_RAW, look for a user namespace, seccomp or SELinux`,
    );
  }
  const extension = EXTENSION.exec(text);
  const name = extension?.[1] ?? extension?.[2];
  if (name !== undefined) {
    const module = MODULES[name.toLowerCase()] ?? `the one of "${name}"`;
    return failed("missing module", absent(module));
  }
  if (TABLE.test(text)) {
    return failed(
      "missing module",
      absent(
        "iptable_nat and iptable_filter, or ip6table_nat and ip6table_filter",
      ),
    );
  }
  if (NO_MODULE.test(text) || MISSING.test(text)) {
    return failed("missing module", absent(RULE_MODULES[backend]));
  }
  return failed("other", ending(command, result));
}

/** Says how a command ended, in its own words where it said any. */
export function ending(
  command: string,
  { code, stdout, stderr }: RunResult,
): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  // iptables-nft-restore says what is wrong on the line after its name.
  const said = lines[0]?.endsWith(":") && lines.length > 1
    ? `${lines[0]} ${lines[1]}`
    : lines[0];
  return `"${command}" ended with code ${code}${
    said === undefined ? "" : `: ${said}`
  }`;
}

/** Says which capability is missing. */
export function lacking(
  missing: readonly Capability[],
  backend: Backend,
): string {
  const names = missing.map((name) => `CAP_${name}`).join(" and ");
  const reason = backend === "legacy" ? ", which legacy iptables needs" : "";
  return `this process lacks ${names}${reason}, run it as root or give its container ${
    missing.join(" and ")
  }`;
}

/** The way without iptables; `serve --iptables` takes it where that is absent. */
const NATIVE = "use c2s-imds iptables install --backend nftables";

function absent(modules: string): string {
  return `the kernel lacks a module, load ${modules} (RHEL 10 has them in kernel-modules-extra) or ${NATIVE}`;
}

/** Says that a table holds rules iptables cannot read. */
export function foreign(
  action: string,
  family: Family,
  table: string,
): RuleError {
  return new RuleError(
    "foreign rules",
    `Cannot ${action}: table "${family} ${table}" holds native nft rules that iptables cannot read, ${NATIVE}`,
  );
}
