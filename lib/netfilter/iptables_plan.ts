/**
 * What is fed to `iptables-restore`, and what `iptables -C` is asked: the same
 * for the nft and legacy backends, and for `ip6tables`.
 *
 * @module
 */
import type { NatTable } from "./nat_table.ts";
import { CHAIN, COMMENT, type Destination, type Rule } from "./rule.ts";

const MARK = `-m comment --comment ${COMMENT}`;

function jump(to: Destination): string {
  const bits = to.family === "ip" ? 32 : 128;
  return `-d ${to.address}/${bits} -p tcp -m tcp --dport ${to.addressPort} ${MARK} -j ${CHAIN}`;
}

function exempt(rule: Rule): string {
  return `-m owner --uid-owner ${rule.uid} ${MARK} -j RETURN`;
}

function redirect(rule: Rule): string {
  return `-p tcp ${MARK} -j REDIRECT --to-ports ${rule.port}`;
}

/** Which of the rule's three lines the kernel has, as `iptables -C` says. */
export interface Checks {
  /** The jump from OUTPUT into our chain. */
  readonly jump: boolean;
  /** The proxy's user leaves our chain. */
  readonly exempt: boolean;
  /** Everyone else is redirected. */
  readonly redirect: boolean;
}

/**
 * The arguments of `iptables -C` for each line of the rule.
 *
 * `iptables -S` normalises rules in ways that differ between versions; only
 * `-C` compares the way the kernel does.
 */
export function checkArguments(
  rule: Rule,
): Readonly<Record<keyof Checks, readonly string[]>> {
  const words = (chain: string, line: string) => [
    ...["-t", "nat", "-C", chain],
    ...line.split(" "),
  ];
  return {
    jump: words("OUTPUT", jump(rule)),
    exempt: words(CHAIN, exempt(rule)),
    redirect: words(CHAIN, redirect(rule)),
  };
}

function restoreInput(lines: readonly string[]): string {
  return ["*nat", ...lines, "COMMIT", ""].join("\n");
}

const DECLARE = `:${CHAIN} - [0:0]`;

/**
 * The input that installs the rule, whatever stood there: declaring the chain
 * empties it in the same transaction. A single jump that is right stays where
 * others moved it. Any other jumps go, each by its own text, and one comes at
 * position 1; when somebody else took one of them away meanwhile, the whole
 * input fails and leaves all as it was, so the table is never without a jump.
 *
 * @param table what is there now
 * @param rule what is wanted
 * @param jumpIsRight whether `-C` finds the wanted jump
 */
export function installInput(
  table: NatTable,
  rule: Rule,
  jumpIsRight: boolean,
): string {
  const keep = jumpIsRight && table.jumps.length === 1;
  return restoreInput([
    DECLARE,
    ...keep ? [] : [...deletions(table), `-I OUTPUT 1 ${jump(rule)}`],
    ...chainLines(rule),
  ]);
}

/**
 * The input that renews our chain alone: for a table that cannot be listed, in
 * which the jump stands already.
 */
export function chainInput(rule: Rule): string {
  return restoreInput([DECLARE, ...chainLines(rule)]);
}

function chainLines(rule: Rule): readonly string[] {
  return [`-A ${CHAIN} ${exempt(rule)}`, `-A ${CHAIN} ${redirect(rule)}`];
}

/** The input that takes away everything of ours that is there. */
export function removeInput(table: NatTable): string {
  return restoreInput([
    DECLARE,
    ...deletions(table),
    `-F ${CHAIN}`,
    `-X ${CHAIN}`,
  ]);
}

function deletions(table: NatTable): readonly string[] {
  return table.jumps.map((line) => line.replace(/^-A /, "-D "));
}

/** How the rule is taken out of a table that iptables cannot list. */
export interface BlindRemoval {
  /** The arguments that ask whether the jump is there: code 0. */
  readonly jumpIsThere: readonly string[];
  /** Takes away one jump. */
  readonly jump: string;
  /** The arguments that ask whether our chain is missing: code 2. */
  readonly chainIsThere: readonly string[];
  /** Takes away our chain. */
  readonly chain: string;
}

/**
 * What takes a rule out of a table that holds rules of others that iptables
 * cannot list; single rules can still be asked for and deleted there.
 */
export function blindRemoval(to: Destination): BlindRemoval {
  const line = jump(to);
  return {
    jumpIsThere: ["-t", "nat", "-C", "OUTPUT", ...line.split(" ")],
    jump: restoreInput([`-D OUTPUT ${line}`]),
    chainIsThere: ["-t", "nat", "-C", "OUTPUT", "-j", CHAIN],
    chain: restoreInput([DECLARE, `-F ${CHAIN}`, `-X ${CHAIN}`]),
  };
}

/** Whether the kernel has exactly the rule: one jump, two lines in order. */
export function isExactly(table: NatTable, checks: Checks): boolean {
  return checks.jump && checks.exempt && checks.redirect &&
    table.jumps.length === 1 && table.rules.length === 2 &&
    /-j RETURN$/.test(table.rules[0] ?? "");
}
