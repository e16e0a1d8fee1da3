/**
 * What is shown beside the region: a profile, applied to the regions in force,
 * with the configuration's own overrides before the profile's.
 *
 * @module
 */
import type { Identity, Override, Profile } from "./profile.ts";
import type { RegionMap } from "./region_map.ts";
import { isZoneOf } from "./profile_file.ts";

/**
 * Puts together what is shown.
 *
 * @param profile the profile, if there is one
 * @param regions the regions in force, the profile's or others
 * @param overrides the configuration's
 * @returns `undefined` where the region alone is shown
 */
export function identityOf(
  profile: Profile | undefined,
  regions: RegionMap,
  overrides: readonly Override[],
): Identity | undefined {
  if (profile === undefined) {
    return overrides.length === 0
      ? undefined
      : Object.freeze({ zones: [], zoneIds: [], hostNames: false, overrides });
  }
  const { name, partition, domain, zones, zoneIds, hostNames } = profile;
  const pairs = [...regions];
  const emulated = pairs.map(([, region]) => region);
  return Object.freeze({
    profile: name,
    ...partition === undefined ? {} : { partition },
    ...domain === undefined ? {} : { domain },
    // Other regions than the profile's have other zones.
    zones: zones.filter(([real, zone]) =>
      pairs.some(([from, to]) => isZoneOf(real, from) && isZoneOf(zone, to))
    ),
    zoneIds: zoneIds
      .filter(([region]) => emulated.includes(region))
      .flatMap(([, ids]) => ids),
    hostNames,
    overrides: [...overrides, ...profile.overrides],
  });
}
