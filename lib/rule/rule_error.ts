/**
 * From exit codes and messages of iptables and nft to one line that says what
 * failed and what to do.
 *
 * Exit codes alone do not tell: 1 stands for a missing rule, a missing right
 * and a missing module alike, and the codes differ between the backends.
 *
 * @module
 */
import { EXIT } from "../cli/command.ts";
import { ExitError } from "../cli/message.ts";
import { ending, type NotRun, type RunResult } from "../system/runner.ts";
import type { Backend, Family, RedirectTarget } from "./rule.ts";

/**
 * How long iptables waits for the xtables lock, in seconds, as `-w` takes it.
 * Some versions wait for ever all the same, so the runner has a time limit of
 * its own, twice as long.
 */
export const LOCK_WAIT_S = 5;

/** The kinds of failure; `busy`: it took too long, trying again takes longer. */
export type FailureKind =
  | "no permission"
  | "no tool"
  | "broken tool"
  | "busy"
  | "missing module"
  | "foreign rules"
  | "other";

/** The rule could not be read or changed; the message is one line. */
export class RuleError extends ExitError {
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
    const isOutOfReach = kind === "no tool" || kind === "no permission";
    super(isOutOfReach ? EXIT.CANNOT_TELL : EXIT.FAILED, message, options);
    this.kind = kind;
    this.family = options.family;
  }
}

/** Another instance runs on this node. */
export class ConflictError extends Error {
  /** Makes one for an instance that listens on a port as a user. */
  constructor({ port, uid }: RedirectTarget) {
    super(
      `Another instance runs on this node: it listens on port ${port} as uid ${uid}, stop that one first`,
    );
    this.name = "ConflictError";
  }
}

/** What was tried, for the message. */
export interface Attempt {
  /** What was being done: `install the rule`. */
  readonly action: string;
  /** The command's name. */
  readonly command: string;
  /** Its backend. */
  readonly backend: Backend;
  /** The family it was tried for. */
  readonly family: Family;
}

/** The kernel modules that the whole rule needs. */
const MODULES: Readonly<Record<Backend, string>> = {
  nft:
    "nft_compat, xt_owner, xt_comment, xt_conntrack, xt_tcpudp, xt_REDIRECT, ipt_REJECT and ip6t_REJECT",
  legacy:
    "iptable_nat, iptable_filter, ip6table_nat, ip6table_filter, xt_owner, xt_comment, xt_conntrack, xt_tcpudp, xt_REDIRECT, ipt_REJECT and ip6t_REJECT",
  nftables: "nf_tables, nft_chain_nat, nft_redir and nft_reject",
};

/** The way without iptables; `serve --iptables` takes it where that is absent. */
const NATIVE = "use c2s-imds iptables install --backend nftables";

const FOREIGN = /is incompatible, use 'nft'|Parsing nftables rule failed/;
const PERMISSION = /Permission denied|Operation not permitted|you must be root/;
const NO_TABLE =
  /(?:can't|unable to) initialize (?:iptables |ip6tables )?table [`'](?:nat|filter)'|Table does not exist|missing kernel module|Protocol not (?:supported|available)|Address family not supported/;

/** What the commands say, what that means, and how it is put; the first counts. */
const MEANINGS: readonly {
  readonly said: RegExp;
  readonly kind: FailureKind;
  readonly explain: (
    said: RegExpExecArray,
    attempt: Attempt,
    how: string,
  ) => string;
}[] = [
  {
    said: /can't open lock file ([^:\s]+): ([^\n]+)/,
    kind: "no permission",
    explain: ([, file, why]) =>
      `the lock file "${file}" cannot be opened (${why}), set XTABLES_LOCKFILE to a file that can be written`,
  },
  {
    said: /Can't lock (\S+):|xtables lock/,
    kind: "busy",
    explain: ([, file = "/run/xtables.lock"]) =>
      `another program has held the xtables lock "${file}" for ${LOCK_WAIT_S} s, try again or find it with fuser ${file}`,
  },
  { said: FOREIGN, kind: "foreign rules", explain: () => FOREIGN_RULES },
  {
    said: PERMISSION,
    kind: "no permission",
    explain: (_, { command }) =>
      `"${command}" was refused although this process has NET_ADMIN and NET_RAW, look for a user namespace, seccomp or SELinux`,
  },
  {
    said: new RegExp(
      `${NO_TABLE.source}|Extension \\w+ revision|Couldn't load (?:match|target) |No chain/target/match by that name|No such file or directory|Operation not supported`,
    ),
    kind: "missing module",
    explain: (_, { backend }, how) =>
      `${how}; the kernel lacks a module, load ${
        MODULES[backend]
      } (RHEL 10 has them in kernel-modules-extra)${
        backend === "nftables" ? "" : ` or ${NATIVE}`
      }`,
  },
];

const FOREIGN_RULES =
  `its tables hold native nft rules that iptables cannot read, ${NATIVE}`;

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
    NO_TABLE.test(result.stderr);
}

/**
 * Explains why a command did not do its work.
 *
 * @param attempt what was tried, by a process that has every capability for it
 * @param result how the command ended
 */
export function explain(
  attempt: Attempt,
  result: RunResult | NotRun,
): RuleError {
  const { action, command, backend, family } = attempt;
  const failed = (kind: FailureKind, detail: string) =>
    new RuleError(kind, `Cannot ${action}: ${detail}`, { family });
  if (typeof result === "string") {
    const hint = result === "timeout" && backend === "legacy"
      ? ", see what holds /run/xtables.lock"
      : "";
    return failed(
      result === "timeout" ? "busy" : "no tool",
      ending(command, result) + hint,
    );
  }
  const text = `${result.stderr}\n${result.stdout}`;
  const how = ending(command, result);
  for (const { said, kind, explain } of MEANINGS) {
    const match = said.exec(text);
    if (match !== null) return failed(kind, explain(match, attempt, how));
  }
  return failed("other", how);
}

/** Says that a table holds rules iptables cannot read. */
export function foreign(action: string, family: Family): RuleError {
  const message = `Cannot ${action}: ${FOREIGN_RULES}`;
  return new RuleError("foreign rules", message, { family });
}
