/**
 * A whole identity rather than a region alone: what an instance shows of the
 * partition it is taken to be in.
 *
 * @module
 */
import type { RegionMap } from "./regions.ts";

/** A fixed answer, or fixed fields of one. */
export type FixedAnswer =
  | {
    /** Another body takes the place of the service's. */
    readonly kind: "text";
    /** The body. */
    readonly text: string;
  }
  | {
    /** The answer is 404. */
    readonly kind: "absent";
  }
  | {
    /** Values of a JSON object's top-level strings are set. */
    readonly kind: "fields";
    /** The values by field. */
    readonly fields: Readonly<Record<string, string>>;
  };

/** A fixed answer and its path, in which `*` is any one segment. */
export type Override = FixedAnswer & { readonly path: string };

/** Emulated names by real ones, as pairs that JSON can carry. */
export type NamePairs = ReadonlyArray<readonly [real: string, name: string]>;

/** What is shown of a partition, beside its regions. */
export interface Appearance {
  /** The partition: `services/partition`, and the second part of ARNs. */
  readonly partition?: string | undefined;
  /** The DNS suffix: `services/domain`. */
  readonly domain?: string | undefined;
  /** Emulated zone names by real ones; others keep what follows the region. */
  readonly zones: NamePairs;
  /** Whether regions in host names follow, too. */
  readonly hostNames: boolean;
  /** Fixed answers; the first for a path holds. */
  readonly overrides: readonly Override[];
}

/** A profile as it was defined. */
export interface Profile extends Appearance {
  /** What it is called. */
  readonly name: string;
  /** Emulated regions by real ones. */
  readonly regions: NamePairs;
  /** Emulated zone ids by real ones, by emulated region; others stay. */
  readonly zoneIds: ReadonlyArray<readonly [region: string, ids: NamePairs]>;
}

/**
 * What is shown beside the emulated region, as plain JSON: a profile applied
 * to the regions in force, and the overrides of the configuration.
 */
export interface Identity extends Appearance {
  /** The profile's name, if there is one. */
  readonly profile?: string | undefined;
  /** Emulated zone ids by real ones. */
  readonly zoneIds: NamePairs;
}

/** What follows a region in the name of a zone. */
const ZONE_END = /^(?:[a-z]|-[a-z0-9-]*[a-z0-9])$/;

/** Whether a zone's name is that of a region with a letter or more behind it. */
export function isZoneOf(zone: string, region: string): boolean {
  return zone.startsWith(region) && ZONE_END.test(zone.slice(region.length));
}

/**
 * Puts together what is shown beside the region: a profile, applied to the
 * regions in force, with the configuration's own overrides before it.
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
      : { zones: [], zoneIds: [], hostNames: false, overrides };
  }
  const { name, regions: _, zones, zoneIds, ...others } = profile;
  const pairs = [...regions];
  const emulated = pairs.map(([, region]) => region);
  return {
    ...others,
    profile: name,
    // Other regions than the profile's have other zones.
    zones: zones.filter(([real, zone]) =>
      pairs.some(([from, to]) => isZoneOf(real, from) && isZoneOf(zone, to))
    ),
    zoneIds: zoneIds
      .filter(([region]) => emulated.includes(region))
      .flatMap(([, ids]) => ids),
    overrides: [...overrides, ...profile.overrides],
  };
}
