/**
 * The rule as iptables has it, the same for the nft and legacy backends and for
 * `ip6tables`: a chain of our own in the nat table, which redirects, and one in
 * the filter table, which guards.
 *
 * @module
 */
import { CHAIN, COMMENT, type Destination, type Rule } from "./rule.ts";

const MARK = `-m comment --comment ${COMMENT}`;

/** The tables that the rule has a chain in. */
export type TableName = "filter" | "nat";

/** What shall stand in one of iptables' tables. */
export interface ExpectedTable {
  /** The one jump from OUTPUT. */
  readonly jump: string;
  /** The rules of our chain, in order. */
  readonly chain: readonly string[];
}

function toService({ family, address, addressPort }: Destination): string {
  const bits = family === "ip" ? 32 : 128;
  return `-d ${address}/${bits} -p tcp -m tcp --dport ${addressPort}`;
}

/**
 * The jump into our chain. It depends on neither uid nor port, so whoever
 * removes it need not know them.
 */
export function jumpOf(table: TableName, to: Destination): string {
  const match = table === "nat" ? toService(to) : "-p tcp";
  return `-A OUTPUT ${match} ${MARK} -j ${CHAIN}`;
}

/** The redirect; `undefined` where the rule has no port. */
export function natTable(rule: Rule): ExpectedTable | undefined {
  if (rule.port === undefined) return undefined;
  return {
    jump: jumpOf("nat", rule),
    chain: [
      `-A ${CHAIN} -m owner --uid-owner ${rule.uid} ${MARK} -j RETURN`,
      `-A ${CHAIN} -p tcp ${MARK} -j REDIRECT --to-ports ${rule.port}`,
    ],
  };
}

/** Answers over `lo` to what was redirected, to whatever port that was. */
function redirected({ address, addressPort }: Destination): string {
  return `-m conntrack --ctstate DNAT --ctorigdst ${address} --ctorigdstport ${addressPort} --ctdir REPLY -m tcp`;
}

/**
 * The guard. Its first rule meets what the redirect missed: what was
 * redirected no longer has that destination.
 *
 * The others keep anybody but the proxy's user from answering at the port. One
 * rule is not enough for that: SYN cookies and the kernel's own RST carry no
 * socket, so the first drops every SYN-ACK that is not the proxy's, and the
 * second lets RST pass, by which a port without a listener is refused at once.
 * The same holds for connections that were redirected to an earlier port: the
 * kernel goes on to redirect them there as long as their clients try.
 *
 * @param ports the proxy's ports; more than one while the redirect changes
 */
export function filterTable(
  rule: Rule,
  ports: readonly number[] = rule.port === undefined ? [] : [rule.port],
): ExpectedTable {
  const owner = `! --uid-owner ${rule.uid} ${MARK}`;
  const answer = (match: string, flags: string, sockets: string) =>
    `-A ${CHAIN} -o lo -p tcp ${match} --tcp-flags ${flags} -m owner ${sockets}${owner} -j DROP`;
  const answers = ports.map((port) => `-m tcp --sport ${port}`);
  if (answers.length > 0) answers.push(redirected(rule));
  return {
    jump: jumpOf("filter", rule),
    chain: [
      `-A ${CHAIN} ${
        toService(rule)
      } -m owner --socket-exists ${owner} -j REJECT --reject-with tcp-reset`,
      ...answers.flatMap((match) => [
        answer(match, "SYN,ACK SYN,ACK", ""),
        answer(match, "RST NONE", "--socket-exists "),
      ]),
    ],
  };
}

/** Whether a saved rule leads into our chain. */
export function isJump(rule: string): boolean {
  return new RegExp(`^-A \\S+ .*-[jg] ${CHAIN}$`).test(rule);
}

/** Whether two rules are the same to the kernel. */
export function isSame(one: string, other: string): boolean {
  return canonical(one) === canonical(other);
}

/** Whether two chains hold the same rules in the same order. */
export function areSame(
  some: readonly string[],
  others: readonly string[],
): boolean {
  return some.length === others.length &&
    some.every((rule, i) => isSame(rule, others[i] ?? ""));
}

/** An option of a rule. */
export interface RuleOption {
  /** Its name with dashes: `--dport`. */
  readonly name: string;
  /** Whether a `!` stands before it. */
  readonly not: boolean;
  /** Its values. */
  readonly values: readonly string[];
}

/** Reads the options of a saved rule. */
export function optionsOf(rule: string): readonly RuleOption[] {
  const words = rule.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  const options: { name: string; not: boolean; values: string[] }[] = [];
  let not = false;
  for (const word of words) {
    if (word === "!") not = true;
    else if (/^-{1,2}[a-zA-Z]/.test(word)) {
      options.push({ name: word, not, values: [] });
      not = false;
    } else options.at(-1)?.values.push(word.replace(/^"(.*)"$/s, "$1"));
  }
  return options;
}

/**
 * A form in which rules can be compared: versions of iptables save options in
 * different orders, and name the modules that options belong to or not.
 */
function canonical(rule: string): string {
  return optionsOf(rule).filter(({ name }) => name !== "-m")
    .map(({ name, not, values }) => [not ? "!" : "", name, ...values].join(" "))
    .sort().join("\n");
}
