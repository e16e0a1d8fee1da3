/**
 * The rule in native nft: a table of our own in each family, replaced as a
 * whole. Its nat chain comes before iptables', so no rule there can take
 * requests away from it.
 *
 * @module
 */
import { type Family, NATIVE_TABLE, type Rule } from "./rule.ts";

/** -100 is `dstnat`; nft 1.0.6 refuses that name in an output chain. */
const NAT = "type nat hook output priority -101; policy accept;";
const FILTER = "type filter hook output priority 0; policy accept;";

/**
 * The script that takes our table away. Creating it first makes that succeed
 * where it is not there.
 */
export function nativeRemoval(family: Family): string {
  return `table ${family} ${NATIVE_TABLE}\ndelete table ${family} ${NATIVE_TABLE}\n`;
}

/**
 * The script that leaves nothing but an empty nat chain: deleting the last one
 * ends the translation of connections that are open.
 */
export function nativeDraining(family: Family): string {
  return script(family, { output: [NAT] });
}

/** The script that installs a rule, whatever stood there. */
export function nativeScript(rule: Rule): string {
  const [redirect, guard] = chains(rule);
  return script(rule.family, {
    output: [NAT, ...redirect],
    guard: [FILTER, ...guard],
  });
}

function script(
  family: Family,
  chains: Readonly<Record<string, readonly string[]>>,
): string {
  const lines = Object.entries(chains).flatMap(([name, rules]) => [
    `\tchain ${name} {`,
    ...rules.map((rule) => `\t\t${rule}`),
    "\t}",
  ]);
  return [
    `${nativeRemoval(family)}table ${family} ${NATIVE_TABLE} {`,
    ...lines,
    "}",
    "",
  ].join("\n");
}

/**
 * The rules of both chains. `meta skuid` matches nothing where a packet has no
 * socket, so the proxy's own answers are accepted before the others' SYN-ACKs
 * are dropped; accepting ends this chain only.
 */
function chains(rule: Rule): readonly [readonly string[], readonly string[]] {
  const { family, uid, port } = rule;
  const service =
    `${family} daddr ${rule.address} tcp dport ${rule.addressPort} meta skuid != ${uid}`;
  const refused = `${service} reject with tcp reset`;
  if (port === undefined) return [[], [refused]];
  // What was redirected to an earlier port goes there as long as it is tried.
  const answers = [
    `oifname "lo" tcp sport ${port}`,
    `oifname "lo" ct direction reply ct status dnat ct original ${family} daddr ${rule.address}`,
  ];
  return [
    [`${service} redirect to :${port}`],
    [
      refused,
      ...answers.flatMap((answer) => [
        `${answer} meta skuid ${uid} accept`,
        `${answer} tcp flags & (syn | ack) == syn | ack drop`,
        `${answer} tcp flags & rst == 0 meta skuid != ${uid} drop`,
      ]),
    ],
  ];
}

/** Whether our table holds exactly a rule. */
export function isExactlyNative(
  lines: readonly string[],
  rule: Rule,
): boolean {
  const expected = chains(rule).flat();
  // Versions of nft show flags in different ways, and -nn all of them.
  const plain = (line: string) =>
    line.replace(/tcp flags .*?(?= meta | drop)/, "tcp flags")
      .replace(/ct status (?:0x0*20|32)\b/, "ct status dnat")
      .replace("ct direction 1 ", "ct direction reply ");
  return lines.length === expected.length &&
    lines.every((line, i) => plain(line) === plain(expected[i] ?? ""));
}

/** The chains of our table: the redirect's and the guard's. */
export const NATIVE_CHAINS = ["output", "guard"] as const;

/**
 * Reads the rules out of `nft -nn list chain FAMILY c2s-imds CHAIN`.
 *
 * @returns `undefined` where that is not the whole of the chain
 */
export function parseNativeChain(
  listed: string,
  chain: string,
): readonly string[] | undefined {
  const lines = listed.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const isWhole = /^table \S+ c2s-imds \{$/.test(lines[0] ?? "") &&
    lines[1] === `chain ${chain} {` && lines.slice(-2).join("") === "}}";
  return isWhole
    ? lines.slice(2, -2).filter((line) => !/^type \w+ hook /.test(line))
    : undefined;
}

/**
 * The handles of the jumps into a chain.
 *
 * @param listed the output of `nft -a list chain FAMILY TABLE OUTPUT`
 * @param chain the chain's name
 */
export function jumpHandles(listed: string, chain: string): readonly string[] {
  const jumps = new RegExp(`\\bjump ${chain}\\b.* # handle (\\d+)$`, "gm");
  return Array.from(listed.matchAll(jumps), ([, handle = ""]) => handle);
}
