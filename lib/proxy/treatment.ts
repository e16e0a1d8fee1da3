/**
 * What happens to the body of an answer, decided from the request alone.
 *
 * @module
 */
import type { RewriteMode } from "../config/serve_config.ts";
import type { BodyRule } from "../metadata/path_rules.ts";
import { bodyRule } from "../metadata/paths.ts";
import type { RegionMap } from "../metadata/region_map.ts";
import { Rewriter } from "./rewriter.ts";
import { Uncovered } from "./uncovered.ts";

/** What happens to one body. */
export interface Treatment {
  /** Which part of it is rewritten. */
  readonly rule: BodyRule;
  /** Rewrites bytes; the same array comes back where nothing matched. */
  rewrite(bytes: Uint8Array): Uint8Array;
  /** Rewrites a body that comes in pieces. */
  stream(): ReturnType<Rewriter["stream"]>;
}

const UNTOUCHED: BodyRule = { kind: "untouched" };
const WHOLE: BodyRule = { kind: "rewrite" };

/** Decides on bodies for one configuration. */
export class Treatments {
  readonly #mode: RewriteMode;
  readonly #rewriter: Rewriter;
  readonly #uncovered: Uncovered;

  /**
   * Prepares the search for the regions.
   *
   * @param mode which bodies are rewritten
   * @param regions the region map
   * @param warn told once of each region the service names and no map covers
   */
  constructor(
    mode: RewriteMode,
    regions: RegionMap,
    warn: (region: string) => void,
  ) {
    this.#mode = mode;
    this.#rewriter = new Rewriter(regions);
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
    const rewriter = this.#rewriter;
    const watch = this.#uncovered.watches(target);
    return {
      rule: this.#rule(method, target),
      rewrite: (bytes) => {
        if (watch) this.#uncovered.look(bytes);
        return rewriter.rewrite(bytes);
      },
      stream: () => rewriter.stream(),
    };
  }

  #rule(method: string, target: string): BodyRule {
    if (this.#rewriter.empty || (method !== "GET" && method !== "HEAD")) {
      return UNTOUCHED;
    }
    return this.#mode === "all" ? WHOLE : bodyRule(target);
  }
}
