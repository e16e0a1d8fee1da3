/**
 * What of ours stands in a nat table, read from `iptables-save`.
 *
 * @module
 */
import { CHAIN } from "./rule.ts";

/** Our part of a nat table. */
export interface NatTable {
  /** Whether our chain is there. */
  readonly chain: boolean;
  /** The rules anywhere that lead into it, as saved: `-A OUTPUT … -j …`. */
  readonly jumps: readonly string[];
  /** The rules in it, as saved. */
  readonly rules: readonly string[];
  /** What its program warned of: legacy tables beside nft's. */
  readonly warnings: readonly string[];
}

/** A table without anything of ours. */
export const EMPTY: NatTable = {
  chain: false,
  jumps: [],
  rules: [],
  warnings: [],
};

const JUMP = new RegExp(`^-A \\S+ .*-[jg] ${CHAIN}$`);

/**
 * Reads the output of `iptables-save`, of one table or of all.
 *
 * @param saved its standard output
 * @param noted its standard error
 */
export function parseNatTable(saved: string, noted = ""): NatTable {
  let table = "";
  let chain = false;
  const jumps: string[] = [];
  const rules: string[] = [];
  for (const line of saved.split("\n").map((text) => text.trimEnd())) {
    if (line.startsWith("*")) table = line.slice(1);
    if (table !== "nat") continue;
    if (line.startsWith(`:${CHAIN} `)) chain = true;
    else if (line.startsWith(`-A ${CHAIN} `)) rules.push(line);
    else if (JUMP.test(line)) jumps.push(line);
  }
  const warnings = [...noted.matchAll(/^# Warning: (.+)$/gm)]
    .map(([, text = ""]) => text);
  return { chain, jumps, rules, warnings };
}

/** Whether nothing of ours is in a table. */
export function isEmpty(table: NatTable): boolean {
  return !table.chain && table.jumps.length === 0 && table.rules.length === 0;
}
