/**
 * Notices a real region that no map covers: the node would see it as it is,
 * which is seldom what was meant.
 *
 * @module
 */
import { regionTelling } from "../metadata/paths.ts";
import type { RegionMap } from "../metadata/region_map.ts";
import { remembering } from "./remember.ts";

/** The form of AWS's region names, as in `us-east-1` and `us-gov-west-1`. */
const REGION = /(?<![a-z0-9-])[a-z]{2,4}(?:-[a-z]{2,}){1,3}-\d{1,2}(?!\d)/g;

const latin1 = new TextDecoder("latin1");

const tellsRegion = remembering(regionTelling);

/** Warns once of each region that no map covers. */
export class Uncovered {
  readonly #covered: Set<string>;
  readonly #warn: (region: string) => void;

  /**
   * Watches for one region map.
   *
   * @param regions the region map
   * @param warn told of each such region once
   */
  constructor(regions: RegionMap, warn: (region: string) => void) {
    this.#covered = new Set([...regions.keys(), ...regions.values()]);
    this.#warn = warn;
  }

  /** Whether the answer to a target tells the region, and one is emulated. */
  watches(target: string): boolean {
    return this.#covered.size > 0 && tellsRegion(target);
  }

  /** Looks for regions in text that tells the region. */
  look(text: Uint8Array): void {
    for (const [region] of latin1.decode(text).matchAll(REGION)) {
      if (this.#covered.has(region)) continue;
      this.#covered.add(region);
      this.#warn(region);
    }
  }
}
