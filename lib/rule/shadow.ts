/**
 * Rules of others that stand before ours in OUTPUT and end the chain for what
 * ours is for. A rule that cannot be judged counts as one that does.
 *
 * @module
 */
import { isIPv4 } from "../config/address.ts";
import { LOOPBACK, type Rule } from "./rule.ts";
import {
  isJump,
  optionsOf,
  type RuleOption,
  type TableName,
} from "./rule_text.ts";

/**
 * The targets that end OUTPUT and let a packet past ours. What the filter table
 * drops or rejects reaches nobody, before the guard or after it. Jumps to other
 * chains are no shadow: their owners put them first again and again.
 */
const ENDS: Readonly<Record<TableName, RegExp>> = {
  filter: /^(ACCEPT|RETURN|QUEUE|NFQUEUE)$/,
  nat: /^(ACCEPT|RETURN|QUEUE|NFQUEUE|DNAT|REDIRECT|NETMAP)$/,
};

/**
 * The rules before our jump that keep packets from it.
 *
 * @param table the table they stand in
 * @param output the rules of OUTPUT in order; all of them where ours is missing
 * @param rule our rule
 */
export function shadows(
  table: TableName,
  output: readonly string[],
  rule: Rule,
): readonly string[] {
  const ours = output.findIndex(isJump);
  return output.slice(0, ours < 0 ? undefined : ours).filter((line) => {
    const options = optionsOf(line);
    return ENDS[table].test(targetOf(options)) && isTcp(options) &&
      (takesRequests(options, rule) ||
        table === "filter" && takesAnswers(options, rule));
  });
}

/**
 * The rules of others, before ours or after it, that redirect what the proxy's
 * own user sends to the service. c2s-instance-metadata leaves such a rule: it
 * exempts its own user alone.
 *
 * @param output the rules of the nat table's OUTPUT
 * @param rule our rule
 */
export function diversions(
  output: readonly string[],
  rule: Rule,
): readonly string[] {
  return output.filter((line) => {
    const options = optionsOf(line);
    return /^(DNAT|REDIRECT|NETMAP)$/.test(targetOf(options)) &&
      isTcp(options) && takesRequests(options, rule) &&
      may(options, "--uid-owner", (uid) => uid === `${rule.uid}`);
  });
}

function targetOf(options: readonly RuleOption[]): string {
  return options.find(({ name }) => name === "-j")?.values[0] ?? "";
}

function isTcp(options: readonly RuleOption[]): boolean {
  return may(options, "-p", (protocol) => /^(tcp|6|all|0)$/.test(protocol));
}

/** Requests come from a port that the kernel chose. */
function takesRequests(options: readonly RuleOption[], rule: Rule): boolean {
  return may(options, "-d", (range) => isWithin(rule.address, range)) &&
    mayPort(options, "--sport", isForMany) &&
    mayPort(
      options,
      "--dport",
      (low, high) => low <= rule.addressPort && rule.addressPort <= high,
    );
}

/**
 * Answers from the proxy's port go over `lo` to the node's own addresses and
 * to such a port.
 */
function takesAnswers(options: readonly RuleOption[], rule: Rule): boolean {
  const { port } = rule;
  return port !== undefined &&
    may(options, "-s", (range) => isWithin(LOOPBACK[rule.family], range)) &&
    may(options, "-o", (name) => name === "lo" || name.endsWith("+")) &&
    mayPort(options, "--sport", (low, high) => low <= port && port <= high) &&
    mayPort(options, "--dport", isForMany);
}

/** A rule for one port alone is not meant for ports that the kernel chose. */
function isForMany(low: number, high: number): boolean {
  return low < high && high >= 1024;
}

function may(
  options: readonly RuleOption[],
  name: string,
  matches: (value: string) => boolean,
): boolean {
  return options.every((option) =>
    option.name !== name || matches(option.values[0] ?? "") !== option.not
  );
}

/** Takes a port or a range of ports, and multiport's lists of both. */
function mayPort(
  options: readonly RuleOption[],
  name: string,
  matches: (low: number, high: number) => boolean,
): boolean {
  const list = (value: string) =>
    value.split(",").some((range) => {
      const [low = "", high = low] = range.split(":");
      return matches(Number(low), Number(high));
    });
  return may(options, name, list) && may(options, `${name}s`, list);
}

/** Whether an address may be within `ADDRESS/BITS`, a mask or `ADDRESS`. */
function isWithin(address: string, range: string): boolean {
  const [base = "", length = "128"] = range.split("/");
  if (isIPv4(length)) return true;
  const size = Number(length);
  return bits(address).slice(0, size) === bits(base).slice(0, size);
}

function bits(address: string): string {
  const binary = (value: number, width: number) =>
    value.toString(2).padStart(width, "0");
  if (isIPv4(address)) {
    return address.split(".").map((byte) => binary(Number(byte), 8)).join("");
  }
  const [head = "", tail] = address.split("::");
  const groups = (text: string | undefined) =>
    text === undefined || text === "" ? [] : text.split(":");
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length))
    .fill("0");
  return [...left, ...zeros, ...right]
    .map((group) => binary(parseInt(group, 16), 16)).join("");
}
