/**
 * Which real region shows as which emulated one.
 *
 * @module
 */

/** Emulated region names by real ones; empty: everything stays as it is. */
export type RegionMap = ReadonlyMap<string, string>;

/**
 * The form of a real region: an area, a partition or country where there are
 * several, a direction and a number, as in `us-east-1`, `us-gov-west-1`,
 * `eu-isoe-west-1` and `eusc-de-east-1`. The directions are all that AWS has
 * used, so that a slip such as `us-esat-1` shows.
 */
export const REGION_FORM =
  /(?:[a-z]{2}(?:-gov|-iso[a-z]?)?|eusc-[a-z]{2})-(?:(?:north|south)?(?:east|west)|north|south|central)-[0-9]{1,2}/;

const REAL_REGION = new RegExp(`^${REGION_FORM.source}$`);

/** Whether a name has the form of a real region. */
export function isRealRegion(name: string): boolean {
  return REAL_REGION.test(name);
}

/**
 * What an emulated region or a zone may be called: letters, digits, dots,
 * dashes and underscores, beginning and ending with a letter or digit, so that
 * it can stand wherever a real one does.
 */
export const REGION_NAME = /^[A-Za-z0-9](?:[\w.-]{0,62}[A-Za-z0-9])?$/;
