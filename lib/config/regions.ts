/**
 * The maps from real to emulated regions, each checked and all together.
 *
 * @module
 */
import { isRealRegion, REGION_NAME, type RegionMap } from "./region_map.ts";
import { type Given, refuse } from "./given.ts";
import { quote } from "../cli/message.ts";

/** What forwards everything unchanged. */
export const NO_REGION = "none";

/** What is expected of a real region. */
const REAL = "a real region, such as us-east-1 or us-gov-west-1";

/**
 * Reads the name of a real region.
 *
 * @throws {UsageError} for what has not the form of one
 */
export function parseRealRegion(given: Given): string {
  return isRealRegion(given.text) ? given.text : refuse(given, REAL);
}

/**
 * Reads the name of an emulated region.
 *
 * @throws {UsageError} for what cannot stand where a region does
 */
export function parseEmulatedRegion(given: Given): string {
  if (REGION_NAME.test(given.text)) return given.text;
  return refuse(given, "a region name, such as us-iso-east-1");
}

function parsePair(given: Given): readonly [real: string, emulated: string] {
  const at = given.text.indexOf("=");
  if (at < 0) refuse(given, `REAL=EMULATED or ${NO_REGION}`);
  const real = given.text.slice(0, at);
  const emulated = given.text.slice(at + 1);
  if (!isRealRegion(real)) refuse(given, `${REAL}, before "="`);
  if (!REGION_NAME.test(emulated)) refuse(given, `a region name after "="`);
  if (real === emulated) refuse(given, "two different regions");
  return [real, emulated];
}

/**
 * Reads every map: REAL=EMULATED each, or `none` alone.
 *
 * @throws {UsageError} for a map without `=`, from what has not the form of a
 * real region, of a region to itself, of one real region twice, and for a region that is emulated by one map and real in
 * another, because the result would depend on the order
 */
export function parseRegions(givens: readonly Given[]): RegionMap {
  const none = givens.find(({ text }) => text === NO_REGION);
  if (none !== undefined) {
    if (givens.length > 1) refuse(none, `${NO_REGION} to stand alone`);
    return new Map();
  }
  const pairs = givens.map((given) => ({ given, pair: parsePair(given) }));
  const regions = new Map<string, string>();
  for (const { given, pair: [real, emulated] } of pairs) {
    if (regions.has(real)) {
      refuse(given, `one map for each real region, ${quote(real)} has two`);
    }
    regions.set(real, emulated);
  }
  for (const { given, pair: [, emulated] } of pairs) {
    if (regions.has(emulated)) {
      refuse(given, `no chain, but another map starts at ${quote(emulated)}`);
    }
  }
  return regions;
}
