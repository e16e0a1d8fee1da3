/**
 * The rule in native nft: a table of our own, replaced as a whole.
 *
 * @module
 */
import { CHAIN, type Family, NATIVE_TABLE, type Rule } from "./rule.ts";

/** Our table in native nft. */
export interface NativeTable {
  /** Whether it is there. */
  readonly present: boolean;
  /** Its rules, as `nft` lists them. */
  readonly rules: readonly string[];
}

/**
 * The script that takes our table away. Creating it first makes that succeed
 * where it is not there.
 */
export function nativeRemoval(family: Family): string {
  return `table ${family} ${NATIVE_TABLE}\ndelete table ${family} ${NATIVE_TABLE}\n`;
}

/**
 * The script that installs the rule, whatever stood there, in one transaction.
 *
 * -100 is `dstnat`; nft 1.0.6 refuses the name in an output chain.
 */
export function nativeScript(rule: Rule): string {
  return `${nativeRemoval(rule.family)}table ${rule.family} ${NATIVE_TABLE} {
	chain output {
		type nat hook output priority -100; policy accept;
		${nativeRule(rule)}
	}
}
`;
}

function nativeRule(rule: Rule): string {
  return `${rule.family} daddr ${rule.address} tcp dport ${rule.addressPort} meta skuid != ${rule.uid} redirect to :${rule.port}`;
}

/** Reads the output of `nft -nn list table FAMILY c2s-imds`. */
export function parseNativeTable(listed: string): NativeTable {
  const rules = listed.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && line !== "}" && !line.startsWith("#") &&
    !line.endsWith("{") && !line.startsWith("type nat hook output ")
  );
  return { present: true, rules };
}

/**
 * The handles of the jumps into iptables' chain of ours.
 *
 * @param listed the output of `nft -a list chain FAMILY nat OUTPUT`
 */
export function jumpHandles(listed: string): readonly string[] {
  const line = new RegExp(
    String.raw`\bjump ${CHAIN}\b.* # handle (\d+)$`,
    "gm",
  );
  return Array.from(listed.matchAll(line), ([, handle = ""]) => handle);
}

/**
 * The script that takes those jumps and the chain out of iptables' table,
 * which must be there; the chain is made first, where it is missing.
 */
export function jumpRemoval(
  family: Family,
  handles: readonly string[],
): string {
  return [
    ...handles.map((it) => `delete rule ${family} nat OUTPUT handle ${it}`),
    `add chain ${family} nat ${CHAIN}`,
    `flush chain ${family} nat ${CHAIN}`,
    `delete chain ${family} nat ${CHAIN}`,
    "",
  ].join("\n");
}

/** Whether the table holds exactly the rule. */
export function isExactlyNative(table: NativeTable, rule: Rule): boolean {
  return table.rules.length === 1 && table.rules[0] === nativeRule(rule);
}
