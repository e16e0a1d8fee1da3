/**
 * Notices a real region that no map covers: the node would see it as it is,
 * which is seldom what was meant.
 *
 * @module
 */
import { REGION_FORM, type RegionMap } from "../config/regions.ts";
import { namesRegion } from "./paths.ts";

const REGION = new RegExp(
  `(?<![A-Za-z0-9-])${REGION_FORM.source}(?![0-9])`,
  "g",
);

/** The most regions to warn of; a service that names more makes them up. */
const MOST_WARNINGS = 16;

const latin1 = new TextDecoder("latin1");

/** Warns once of each region that no map covers. */
export class UnmappedRegions {
  readonly #mapped: ReadonlySet<string>;
  readonly #warned = new Set<string>();
  readonly #warn: (region: string) => void;

  /**
   * Watches for one region map.
   *
   * @param regions the region map
   * @param warn told of each such region once
   */
  constructor(regions: RegionMap, warn: (region: string) => void) {
    this.#mapped = new Set([...regions].flat());
    this.#warn = warn;
  }

  /** Whether the answer to a target names the region, and one is emulated. */
  watches(target: string): boolean {
    return this.#mapped.size > 0 && namesRegion(target);
  }

  /** Looks for regions in an answer that names the instance's. */
  look(text: Uint8Array): void {
    for (const [region] of latin1.decode(text).matchAll(REGION)) {
      if (this.#mapped.has(region) || this.#warned.has(region)) continue;
      if (this.#warned.size === MOST_WARNINGS) return;
      this.#warned.add(region);
      this.#warn(region);
    }
  }
}
