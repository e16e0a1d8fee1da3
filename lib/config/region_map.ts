/**
 * Which real region shows as which emulated one.
 *
 * @module
 */

/** Emulated region names by real ones; empty: everything stays as it is. */
export type RegionMap = ReadonlyMap<string, string>;

/**
 * What a region name may be: letters, digits, dots, dashes and underscores,
 * beginning and ending with a letter or digit. Wider than AWS's own form, for
 * OpenStack's region names.
 */
export const REGION_NAME = /^[A-Za-z0-9](?:[\w.-]{0,62}[A-Za-z0-9])?$/;
