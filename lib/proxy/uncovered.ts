/**
 * Notices a real region that no map covers: the node would see it as it is,
 * which is seldom what was meant.
 *
 * @module
 */
import { regionTelling } from "../metadata/paths.ts";
import type { RegionMap } from "../metadata/region_map.ts";
import { memoize } from "../system/memoize.ts";

/** The form of AWS's region names, as in `us-east-1` and `us-gov-west-1`. */
const REGION = /(?<![a-z0-9-])[a-z]{2,4}(?:-[a-z]{2,}){1,3}-\d{1,2}(?!\d)/g;

/** How long a target is not looked at again, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** How many targets are remembered; then all are forgotten at once. */
const MAX_TARGETS = 512;

/** The longest target that is looked at; real ones have 30 to 100. */
const MAX_LENGTH = 256;

const latin1 = new TextDecoder("latin1");

const tellsRegion = memoize(regionTelling);

/** Warns once of each region that no map covers. */
export class Uncovered {
  readonly #covered: Set<string>;
  readonly #warn: (region: string) => void;
  readonly #now: () => number;
  /** When a target may be looked at again. */
  readonly #restsUntil = new Map<string, number>();

  /**
   * Watches for one region map.
   *
   * @param regions the region map
   * @param warn told of each such region once
   * @param now the clock, in milliseconds
   */
  constructor(
    regions: RegionMap,
    warn: (region: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#covered = new Set([...regions.keys(), ...regions.values()]);
    this.#warn = warn;
    this.#now = now;
  }

  /** Whether the answer to a target tells the region, and one is emulated. */
  watches(target: string): boolean {
    return this.#covered.size > 0 && target.length <= MAX_LENGTH &&
      tellsRegion(target);
  }

  /**
   * Looks for regions in the answer to a target that tells the region, once a
   * second: looking takes twice as long as rewriting.
   */
  look(target: string, text: Uint8Array): void {
    const now = this.#now();
    if (now < (this.#restsUntil.get(target) ?? -Infinity)) return;
    if (this.#restsUntil.size >= MAX_TARGETS) this.#restsUntil.clear();
    this.#restsUntil.set(target, now + LOOK_EVERY_MS);
    for (const [region] of latin1.decode(text).matchAll(REGION)) {
      if (this.#covered.has(region)) continue;
      this.#covered.add(region);
      this.#warn(region);
    }
  }
}
