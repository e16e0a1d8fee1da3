/**
 * Which real region shows as which emulated one.
 *
 * @module
 */
import { refuse, type SourcedValue } from "../cli/options.ts";
import { quote } from "../cli/message.ts";

/** Emulated region names by real ones; empty: everything stays as it is. */
export type RegionMap = ReadonlyMap<string, string>;

/** What forwards everything unchanged. */
export const NO_REGION = "none";

/**
 * The form of a real region: an area, a partition or country where there are
 * several, a direction and a number, as in `us-east-1`, `us-gov-west-1`,
 * `eu-isoe-west-1` and `eusc-de-east-1`. The directions are all that AWS has
 * used, so that a slip such as `us-esat-1` shows.
 */
export const REGION_FORM =
  /(?:[a-z]{2}(?:-gov|-iso[a-z]?)?|eusc-[a-z]{2})-(?:(?:north|south)?(?:east|west)|north|south|central)-[0-9]{1,2}/;

const WHOLE_REGION = new RegExp(`^${REGION_FORM.source}$`);

/** Whether a name has the form of a real region. */
export function isRealRegion(name: string): boolean {
  return WHOLE_REGION.test(name);
}

/**
 * What an emulated region or a zone may be called: letters, digits, dots,
 * dashes and underscores, beginning and ending with a letter or digit, so that
 * it can stand wherever a real one does.
 */
export const REGION_NAME = /^[A-Za-z0-9](?:[\w.-]{0,62}[A-Za-z0-9])?$/;

/**
 * Reads every map: REAL=EMULATED each, or `none` alone.
 *
 * @throws {UsageError} for a map without `=`, from what has not the form of a
 * real region, of a region to itself, of one real region twice, and for a
 * region that is emulated by one map and real in another, because the result
 * would depend on the order
 */
export function parseRegions(values: readonly SourcedValue[]): RegionMap {
  const none = values.find(({ text }) => text === NO_REGION);
  if (none !== undefined) {
    if (values.length > 1) refuse(none, `${NO_REGION} to stand alone`);
    return new Map();
  }
  const regions = new Map<string, string>();
  for (const value of values) {
    const [, real = "", emulated = ""] = value.text.match(/^(.*?)=(.*)$/s) ??
      refuse(value, `REAL=EMULATED or ${NO_REGION}`);
    if (!isRealRegion(real)) {
      refuse(
        value,
        `a real region, such as us-east-1 or us-gov-west-1, before "="`,
      );
    }
    if (!REGION_NAME.test(emulated)) refuse(value, `a region name after "="`);
    if (real === emulated) refuse(value, "two different regions");
    if (regions.has(real)) {
      refuse(value, `one map for each real region, ${quote(real)} has two`);
    }
    regions.set(real, emulated);
  }
  for (const value of values) {
    const emulated = value.text.replace(/^.*?=/s, "");
    if (regions.has(emulated)) {
      refuse(value, `no chain, but another map starts at ${quote(emulated)}`);
    }
  }
  return regions;
}
