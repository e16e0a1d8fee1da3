/**
 * What happens to the body of an answer, decided from the request alone.
 *
 * @module
 */
import type { NamePairs } from "../config/profile.ts";
import { REGION_FORM, type RegionMap } from "../config/regions.ts";
import type { ServeConfig } from "../config/serve_config.ts";
import { arnFields, arnNames, type Edit, editsOf } from "./edits.ts";
import { type BodyRule, REWRITE, UNTOUCHED } from "./path_rules.ts";
import { bodyRule, namesRegion, realTarget } from "./paths.ts";
import { Rewriter, type RewriteStream } from "./rewriter.ts";
import { searchable } from "../system/bytes.ts";
import { memoize } from "../system/memoize.ts";

/** What happens to one body. */
export interface BodyRewrite {
  /** Which part of it is rewritten. */
  readonly rule: BodyRule;
  /** What an identity makes of the answer afterwards, if anything. */
  readonly edit?: Edit | undefined;
  /** Rewrites bytes; the same array comes back where nothing matched. */
  rewrite(bytes: Uint8Array): Uint8Array;
  /** Rewrites a body that comes in pieces. */
  stream(): RewriteStream;
}

/** Decides on bodies for one configuration. */
export interface RewritePolicy {
  /**
   * What happens to an answer. Only answers to GET and HEAD are rewritten:
   * what PUT answers is a token.
   *
   * @param method the request's method
   * @param target its origin-form target
   */
  of(method: string, target: string): BodyRewrite;
  /**
   * What a client means that asks for a name as an answer rewritten under
   * `all` has it, such as that of a role.
   *
   * @param method the request's method
   * @param target its origin-form target
   * @returns the target with the name in which the emulated regions are the
   * real ones again; the same string where nothing is to be mapped back
   */
  realTarget(method: string, target: string): string;
}

/**
 * Prepares the search for the names.
 *
 * @param config which bodies are rewritten, and what they show
 * @param warn told once of each region the service names and no map covers
 */
export function rewritePolicy(
  { rewrite, regions, identity }: Pick<
    ServeConfig,
    "rewrite" | "regions" | "identity"
  >,
  warn: (region: string) => void,
): RewritePolicy {
  const { zones = [], zoneIds = [], partition, hostNames } = identity ?? {};
  const names = [...zones, ...zoneIds];
  const arnPairs = partition === undefined ? [] : arnNames(partition);
  const arns = { kind: "arn", names: arnPairs } as const;
  const rewriter = new Rewriter(regions, [{ kind: "whole", names }, arns]);
  const arnRewriter = new Rewriter(new Map(), [arns]);
  const ruleOf = rewriter.empty
    ? () => UNTOUCHED
    : rewrite === "all"
    ? () => REWRITE
    : (target: string) => bodyRule(target, hostNames);
  const editOf = editsOf(identity);
  const lookForUnmapped = unmappedRegions(regions, warn);
  // Only answers under `all` name what a client asks for next.
  const backward = rewrite === "all" ? reversed : () => [];
  const back = new Rewriter(new Map(backward([...regions])), [
    { kind: "whole", names: backward(names) },
  ]);
  const untouched = using(rewriter, UNTOUCHED);
  const read = memoize((target: string): BodyRewrite => {
    const edit = editOf(target);
    const rule = ruleOf(target);
    const fields = arnRewriter.empty || rule.kind !== "untouched"
      ? []
      : arnFields(target);
    if (fields.length > 0) {
      return using(arnRewriter, { kind: "json", fields }, edit);
    }
    const rewriting = using(rewriter, rule, edit);
    if (regions.size === 0 || !namesRegion(target)) return rewriting;
    return {
      ...rewriting,
      rewrite(bytes) {
        lookForUnmapped(bytes);
        return rewriting.rewrite(bytes);
      },
    };
  });
  return {
    of: (method, target) => isRead(method) ? read(target) : untouched,
    realTarget: (method, target) =>
      back.empty || !isRead(method) ? target : realTarget(target, back),
  };
}

function using(
  rewriter: Rewriter,
  rule: BodyRule,
  edit?: Edit,
): BodyRewrite {
  return {
    rule,
    edit,
    rewrite: (bytes) => rewriter.rewrite(bytes),
    stream: () => rewriter.stream(),
  };
}

/** Only what these answer is metadata. */
function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Real names by emulated ones, those of more than one left out. */
function reversed(names: NamePairs): NamePairs {
  const emulated = names.map(([, name]) => name);
  return names
    .filter(([, name]) => emulated.indexOf(name) === emulated.lastIndexOf(name))
    .map(([real, name]) => [name, real]);
}

const REGION = new RegExp(
  `(?<![A-Za-z0-9-])${REGION_FORM.source}(?![0-9])`,
  "g",
);

/** The most regions to warn of; a service that names more makes them up. */
const MOST_WARNINGS = 16;

/**
 * Notices real regions that no map covers: the node would see them as they are,
 * which is seldom what was meant.
 *
 * @param regions the region map
 * @param warn told of each region that it does not cover, once
 * @returns looks for regions in an answer that names the instance's
 */
export function unmappedRegions(
  regions: RegionMap,
  warn: (region: string) => void,
): (text: Uint8Array) => void {
  const mapped = new Set([...regions].flat());
  const warned = new Set<string>();
  return (text) => {
    for (const [region] of searchable(text).matchAll(REGION)) {
      if (mapped.has(region) || warned.has(region)) continue;
      if (warned.size === MOST_WARNINGS) return;
      warned.add(region);
      warn(region);
    }
  };
}
