/**
 * The rule in the words of each backend: a chain of our own that redirects and
 * one that guards. iptables, the same for nft, legacy and `ip6tables`, has them
 * in its tables nat and filter, each behind a jump from OUTPUT. Native nft has
 * both in a table of our own, replaced as a whole, whose chains hook in
 * themselves; they come before iptables', so no rule there can take requests
 * away from them.
 *
 * @module
 */
import {
  type Backend,
  CHAIN,
  COMMENT,
  type Destination,
  type Family,
  NATIVE_TABLE,
  type Rule,
} from "./rule.ts";

const MARK = `-m comment --comment ${COMMENT}`;

/** The tables that the rule has a chain in: the guard's and the redirect's. */
export type TableName = "filter" | "nat";

/** The two chains of our table in native nft. */
export const NATIVE_CHAINS: Readonly<Record<TableName, string>> = {
  filter: "guard",
  nat: "output",
};

/** What shall stand of the redirect or the guard. */
export interface ExpectedTable {
  /** The one jump from OUTPUT; native nft has none. */
  readonly jump?: string;
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

/**
 * What shall stand in one table; `undefined` where it shall hold nothing of
 * ours, as iptables' nat table without a port to redirect to.
 */
export function expectedTable(
  name: TableName,
  rule: Rule,
  backend: Backend,
): ExpectedTable | undefined {
  if (backend === "nftables") return { chain: nativeChain(name, rule) };
  if (name === "filter") return guardTable(rule);
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
 * iptables' guard. Its first rule meets what the redirect missed: what was
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
export function guardTable(
  rule: Rule,
  ports: readonly number[] = rule.port === undefined ? [] : [rule.port],
): Required<ExpectedTable> {
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

/** -100 is `dstnat`; nft 1.0.6 refuses that name in an output chain. */
const NAT = "type nat hook output priority -101; policy accept;";
const FILTER = "type filter hook output priority 0; policy accept;";

/**
 * The script that takes native nft's table away. Creating it first makes that
 * succeed where it is not there.
 */
export function nativeRemoval(family: Family): string {
  return `table ${family} ${NATIVE_TABLE}\ndelete table ${family} ${NATIVE_TABLE}\n`;
}

/**
 * The script that leaves nothing but an empty nat chain: deleting the last one
 * ends the translation of connections that are open.
 */
export function nativeDraining(family: Family): string {
  return nativeScript(family, { nat: [NAT] });
}

/** The script that installs a rule, whatever stood there. */
export function nativeInstallation(rule: Rule): string {
  return nativeScript(rule.family, {
    nat: [NAT, ...nativeChain("nat", rule)],
    filter: [FILTER, ...nativeChain("filter", rule)],
  });
}

function nativeScript(
  family: Family,
  tables: Readonly<Partial<Record<TableName, readonly string[]>>>,
): string {
  const chains = Object.entries(tables).map(([name, rules]) =>
    `\tchain ${NATIVE_CHAINS[name as TableName]} {\n${
      rules.map((rule) => `\t\t${rule}\n`).join("")
    }\t}\n`
  );
  return `${nativeRemoval(family)}table ${family} ${NATIVE_TABLE} {\n${
    chains.join("")
  }}\n`;
}

/**
 * The rules of one of native nft's chains. `meta skuid` matches nothing where a
 * packet has no socket, so the proxy's own answers are accepted before the
 * others' SYN-ACKs are dropped; accepting ends this chain only.
 */
function nativeChain(
  name: TableName,
  { family, address, addressPort, uid, port }: Rule,
): readonly string[] {
  const service =
    `${family} daddr ${address} tcp dport ${addressPort} meta skuid != ${uid}`;
  if (name === "nat") {
    return port === undefined ? [] : [`${service} redirect to :${port}`];
  }
  // What was redirected to an earlier port goes there as long as it is tried.
  const answers = port === undefined ? [] : [
    `oifname "lo" tcp sport ${port}`,
    `oifname "lo" ct direction reply ct status dnat ct original ${family} daddr ${address}`,
  ];
  return [
    `${service} reject with tcp reset`,
    ...answers.flatMap((answer) => [
      `${answer} meta skuid ${uid} accept`,
      `${answer} tcp flags & (syn | ack) == syn | ack drop`,
      `${answer} tcp flags & rst == 0 meta skuid != ${uid} drop`,
    ]),
  ];
}

/** Whether two rules of one backend are the same to the kernel. */
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
 * different orders, and name the modules that options belong to or not;
 * versions of nft show flags in different ways, and -nn all of them.
 */
function canonical(rule: string): string {
  if (!rule.startsWith("-A ")) {
    return rule.replace(/tcp flags .*?(?= meta | drop)/, "tcp flags")
      .replace(/ct status (?:0x0*20|32)\b/, "ct status dnat")
      .replace("ct direction 1 ", "ct direction reply ");
  }
  return optionsOf(rule).filter(({ name }) => name !== "-m")
    .map(({ name, not, values }) => [not ? "!" : "", name, ...values].join(" "))
    .sort().join("\n");
}
