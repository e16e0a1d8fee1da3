/**
 * What happens to the body of an answer, decided from the request alone.
 *
 * @module
 */
import type { RewriteMode } from "../config/serve_config.ts";
import { arnFields, arnNames, type Edit, Edits } from "../metadata/edits.ts";
import { listedName } from "../metadata/listed_name.ts";
import type { BodyRule } from "../metadata/path_rules.ts";
import { bodyRule } from "../metadata/paths.ts";
import { percentDecoded, percentEncoded } from "../metadata/percent.ts";
import type { Identity, NamePairs } from "../metadata/profile.ts";
import type { RegionMap } from "../metadata/region_map.ts";
import { memoize } from "../system/memoize.ts";
import { Rewriter } from "./rewriter.ts";
import { Uncovered } from "./uncovered.ts";

/** What happens to one body. */
export interface Treatment {
  /** Which part of it is rewritten. */
  readonly rule: BodyRule;
  /** What an identity makes of the answer afterwards, if anything. */
  readonly edit?: Edit | undefined;
  /** Rewrites bytes; the same array comes back where nothing matched. */
  rewrite(bytes: Uint8Array): Uint8Array;
  /** Rewrites a body that comes in pieces. */
  stream(): ReturnType<Rewriter["stream"]>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const UNTOUCHED: BodyRule = { kind: "untouched" };
const WHOLE: BodyRule = { kind: "rewrite" };

/** Decides on bodies for one configuration. */
export class Treatments {
  readonly #mode: RewriteMode;
  readonly #rewriter: Rewriter;
  readonly #arns: Rewriter;
  readonly #ruleOf: (target: string) => BodyRule;
  readonly #edits: Edits;
  readonly #back: Rewriter;
  readonly #uncovered: Uncovered;

  /**
   * Prepares the search for the regions.
   *
   * @param mode which bodies are rewritten
   * @param regions the region map
   * @param warn told once of each region the service names and no map covers
   * @param identity what is shown beside the region
   */
  constructor(
    mode: RewriteMode,
    regions: RegionMap,
    warn: (region: string) => void,
    identity?: Identity,
  ) {
    const { zones = [], zoneIds = [], partition } = identity ?? {};
    const names = [...zones, ...zoneIds];
    const arns = {
      kind: "arn",
      names: partition === undefined ? [] : arnNames(partition),
    } as const;
    this.#mode = mode;
    this.#rewriter = new Rewriter(regions, [{ kind: "whole", names }, arns]);
    this.#arns = new Rewriter(new Map(), [arns]);
    const hostNames = identity?.hostNames ?? false;
    this.#ruleOf = memoize((target) => bodyRule(target, hostNames));
    this.#edits = new Edits(identity);
    // Only answers under `all` name what a client asks for next.
    this.#back = mode === "all"
      ? new Rewriter(new Map(reversed([...regions])), [
        { kind: "whole", names: reversed(names) },
      ])
      : new Rewriter(new Map());
    this.#uncovered = new Uncovered(regions, warn);
  }

  /**
   * The treatment of an answer. Only answers to GET and HEAD are rewritten:
   * what PUT answers is a token.
   *
   * @param method the request's method
   * @param target its origin-form target
   */
  of(method: string, target: string): Treatment {
    if (!isRead(method)) {
      return { ...this.#with(this.#rewriter), rule: UNTOUCHED };
    }
    const edit = this.#edits.of(target);
    const rule = this.#rule(target);
    const fields = this.#arns.empty || rule.kind !== "untouched"
      ? []
      : arnFields(target);
    if (fields.length > 0) {
      return {
        ...this.#with(this.#arns),
        rule: { kind: "json", fields },
        edit,
      };
    }
    return {
      ...this.#with(
        this.#rewriter,
        this.#uncovered.watches(target) ? target : undefined,
      ),
      rule,
      edit,
    };
  }

  /**
   * What a client means that asks for a name as an answer rewritten under
   * `all` has it, such as that of a role.
   *
   * @param method the request's method
   * @param target its origin-form target
   * @returns the target with the name in which the emulated regions are the
   * real ones again; the same string where nothing is to be mapped back
   */
  realTarget(method: string, target: string): string {
    if (this.#back.empty || !isRead(method)) return target;
    const listed = listedName(target);
    if (listed === undefined) return target;
    const { before, name, after } = listed;
    const plain = percentDecoded(name);
    const real = decoder.decode(this.#back.rewrite(encoder.encode(plain)));
    if (real === plain) return target;
    return `${before}${plain === name ? real : percentEncoded(real)}${after}`;
  }

  #with(
    rewriter: Rewriter,
    watched?: string,
  ): Pick<Treatment, "rewrite" | "stream"> {
    return {
      rewrite: (bytes) => {
        if (watched !== undefined) this.#uncovered.look(watched, bytes);
        return rewriter.rewrite(bytes);
      },
      stream: () => rewriter.stream(),
    };
  }

  #rule(target: string): BodyRule {
    if (this.#rewriter.empty) return UNTOUCHED;
    return this.#mode === "all" ? WHOLE : this.#ruleOf(target);
  }
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
