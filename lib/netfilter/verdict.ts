/**
 * From what is there and what is expected to installed, absent or drift.
 *
 * @module
 */
import { type Checks, isExactly } from "./iptables_plan.ts";
import { isEmpty, type NatTable } from "./nat_table.ts";
import { isExactlyNative, type NativeTable } from "./native_plan.ts";
import type { Place } from "./remove.ts";
import {
  type Backend,
  BLOCKED_PORT,
  type Family,
  renderDestination,
  type Rule,
} from "./rule.ts";

/** What of ours was seen in one place. */
export type Seen =
  & Place
  & (
    | { readonly table: NatTable; readonly checks: Checks | undefined }
    | { readonly native: NativeTable }
  );

/** How things stand. */
export type RuleState = "installed" | "absent" | "drift";

/** How things stand, and why. */
export interface Verdict {
  /** In a word. */
  readonly state: RuleState;
  /** What differs from what is expected, each with what is there. */
  readonly differences: readonly string[];
}

/** A family's name for people. */
export function familyName(family: Family): string {
  return family === "ip" ? "IPv4" : "IPv6";
}

/** The lines of ours in one place, as its program shows them. */
export function linesOf(seen: Seen): readonly string[] {
  return "native" in seen
    ? seen.native.rules
    : [...seen.table.jumps, ...seen.table.rules];
}

function isThere(seen: Seen): boolean {
  return "native" in seen ? seen.native.present : !isEmpty(seen.table);
}

/**
 * Judges what was seen.
 *
 * @param backend where the rule is expected
 * @param rules what is expected there, at most one a family
 * @param seen every place that could be read
 */
export function judge(
  backend: Backend,
  rules: readonly Rule[],
  seen: readonly Seen[],
): Verdict {
  const there = seen.filter(isThere);
  if (there.length === 0) return { state: "absent", differences: [] };
  const differences: string[] = [];
  for (const rule of rules) {
    const place = there.find((one) =>
      one.backend === backend && one.family === rule.family
    );
    const found = place === undefined
      ? ["no rule is there"]
      : differencesOf(rule, place);
    const name = familyName(rule.family);
    differences.push(
      ...found.map((text) => `${name} in the ${backend} backend: ${text}`),
    );
  }
  for (const one of there) {
    const wanted = rules.some(({ family }) => family === one.family);
    if (wanted && one.backend === backend) continue;
    const none = rules.length === 0 ? "none" : "none without --ipv6";
    differences.push(
      `${
        familyName(one.family)
      } in the ${one.backend} backend: a rule is there, expected ${
        wanted ? `only in the ${backend} backend` : none
      }`,
    );
  }
  return {
    state: differences.length === 0 ? "installed" : "drift",
    differences,
  };
}

function differencesOf(rule: Rule, seen: Seen): readonly string[] {
  if ("native" in seen) return nativeDifferences(rule, seen.native);
  const { table } = seen;
  const checks = seen.checks ?? { jump: false, exempt: false, redirect: false };
  if (isExactly(table, checks)) return [];
  const differences: string[] = [];
  if (table.jumps.length === 0) {
    differences.push("the jump from OUTPUT is missing");
  } else if (table.jumps.length > 1) {
    differences.push(`there are ${table.jumps.length} jumps, expected 1`);
  }
  if (table.jumps.length > 0 && !checks.jump) {
    differences.push(
      `the jump is "${table.jumps[0]}", expected one from OUTPUT for ${
        renderDestination(rule)
      }`,
    );
  }
  const text = table.rules.join("\n");
  const uid = /--uid-owner (\S+).* -j RETURN$/m.exec(text)?.[1];
  const port = /-j REDIRECT --to-ports (\S+)$/m.exec(text)?.[1];
  return orUnknown([
    ...differences,
    ...valueDifferences(rule, uid, port),
  ], table.rules);
}

function nativeDifferences(
  rule: Rule,
  native: NativeTable,
): readonly string[] {
  if (isExactlyNative(native, rule)) return [];
  const text = native.rules.join("\n");
  const uid = /skuid != (\d+)/.exec(text)?.[1];
  const port = /redirect to :(\d+)/.exec(text)?.[1];
  const [, address, addressPort] = /daddr (\S+) tcp dport (\d+)/.exec(text) ??
    [];
  const there = { ...rule, address, addressPort };
  const moved = address !== rule.address ||
    addressPort !== String(rule.addressPort);
  return orUnknown([
    ...moved && address !== undefined
      ? [
        `it catches ${there.address} port ${there.addressPort}, expected ${
          renderDestination(rule)
        }`,
      ]
      : [],
    ...valueDifferences(rule, uid, port),
  ], native.rules);
}

function valueDifferences(
  rule: Rule,
  uid: string | undefined,
  port: string | undefined,
): readonly string[] {
  const differences: string[] = [];
  if (uid === undefined) {
    differences.push(`no user is exempt, expected uid ${rule.uid}`);
  } else if (uid !== String(rule.uid)) {
    differences.push(`uid is ${uid}, expected ${rule.uid}`);
  }
  if (port === undefined) {
    differences.push(`the redirect is missing, expected port ${rule.port}`);
  } else if (port !== String(rule.port)) {
    const closed = port === String(BLOCKED_PORT)
      ? " (closed: the proxy is not running)"
      : "";
    differences.push(`port is ${port}${closed}, expected ${rule.port}`);
  }
  return differences;
}

function orUnknown(
  differences: readonly string[],
  rules: readonly string[],
): readonly string[] {
  return differences.length > 0
    ? differences
    : [`the rules are not the expected ones: ${rules.join("; ")}`];
}
