/**
 * Notices a real region that no map covers: the node would see it as it is,
 * which is seldom what was meant.
 *
 * @module
 */
import { REGION_FORM, type RegionMap } from "../config/regions.ts";

const REGION = new RegExp(
  `(?<![A-Za-z0-9-])${REGION_FORM.source}(?![0-9])`,
  "g",
);

/** The most regions to warn of; a service that names more makes them up. */
const MOST_WARNINGS = 16;

const latin1 = new TextDecoder("latin1");

/**
 * Watches for one region map.
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
    for (const [region] of latin1.decode(text).matchAll(REGION)) {
      if (mapped.has(region) || warned.has(region)) continue;
      if (warned.size === MOST_WARNINGS) return;
      warned.add(region);
      warn(region);
    }
  };
}
