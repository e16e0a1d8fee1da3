/**
 * Profiles as YAML: a whole identity, or what differs from another one.
 *
 * @module
 */
import { isZoneOf, type NamePairs, type Profile } from "./profile.ts";
import { OVERRIDES, parseOverrides } from "./overrides.ts";
import { isRealRegion, REGION_NAME } from "./regions.ts";
import { quote, UsageError } from "../cli/message.ts";
import type { ReadTextFile, YamlValue } from "./yaml.ts";

/** The keys of a profile. */
const KEYS = [
  "base",
  "partition",
  "domain",
  "regions",
  "zones",
  "zone-ids",
  "host-names",
  OVERRIDES,
] as const;

/** The second part of an ARN. */
const PARTITION = /^[a-z][a-z0-9-]{0,62}$/;

/** A DNS suffix. */
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** How a profile is read. */
export interface ProfileParts {
  /** What the profile is called. */
  readonly name: string;
  /** Finds the profile that another one is based on. */
  readonly base: (name: string) => Profile | undefined;
  /** The names that a base may have, for an error. */
  readonly bases: readonly string[];
  /** Reads the file of an override. */
  readonly readFile: ReadTextFile;
}

/**
 * Reads a profile. What it does not say is its base's; maps add up. One
 * without any region is refused as a slip, for which there is `--region none`.
 *
 * @param document the whole file
 * @param parts what else is needed
 * @throws {UsageError} for an unknown key, a wrong value, maps that cannot
 * hold together, and no regions at all
 */
export function parseProfile(
  document: YamlValue,
  { name, base: find, bases, readFile }: ProfileParts,
): Profile {
  const keys = document.keys(KEYS);
  const oneOf = `one of ${bases.join(", ")}`;
  const baseName = keys.base.text(oneOf);
  const base = baseName === undefined ? undefined : find(baseName) ??
    keys.base.refuse(oneOf);
  const partition = keys.partition.text(
    "a partition, such as aws-iso",
    PARTITION,
  ) ?? base?.partition;
  const domain = keys.domain.text("a DNS suffix, such as c2s.ic.gov", DOMAIN) ??
    base?.domain;
  const hostNames = keys["host-names"];
  if (!["undefined", "boolean"].includes(typeof hostNames.value)) {
    hostNames.refuse("true or false without quotes");
  }
  const regions = merged(base?.regions, parseRegionPairs(keys.regions));
  requireNoChain(regions, keys.regions);
  const profile: Profile = {
    name,
    ...partition === undefined ? {} : { partition },
    ...domain === undefined ? {} : { domain },
    regions,
    zones: merged(base?.zones, parseZones(keys.zones, regions)),
    zoneIds: parseZoneIds(keys["zone-ids"], regions, new Map(base?.zoneIds)),
    hostNames: typeof hostNames.value === "boolean"
      ? hostNames.value
      : base?.hostNames ?? false,
    overrides: [
      ...parseOverrides(keys[OVERRIDES], readFile),
      ...base?.overrides ?? [],
    ],
  };
  // After what is wrong with a value, which says more.
  if (regions.length === 0) {
    throw new UsageError(
      `Cannot use profile ${quote(name)}: expected regions or base`,
    );
  }
  return profile;
}

function parsePairs(
  map: YamlValue,
  what: string,
): (readonly [string, string, YamlValue])[] {
  return map.entries(`a mapping of real to emulated ${what}s`)
    .map(([real, value]) => {
      if (!REGION_NAME.test(real)) {
        value.refuse(`the name of a real ${what} as its key`);
      }
      const name = value.text(`the name of a ${what}`, REGION_NAME) ?? "";
      return [real, name, value];
    });
}

function parseRegionPairs(map: YamlValue): NamePairs {
  return parsePairs(map, "region").map(([real, name, value]) => {
    if (!isRealRegion(real)) {
      value.refuse("a real region, such as us-east-1, as its key");
    }
    if (real === name) value.refuse("another region than the real one");
    return [real, name];
  });
}

/** A chain is refused: one pass maps each name once, not to the end of it. */
function requireNoChain(regions: NamePairs, map: YamlValue): void {
  const real = regions.map(([name]) => name);
  const chained = regions.find(([, name]) => real.includes(name));
  if (chained === undefined) return;
  map.refuse(`no chain, but ${quote(chained[1])} is emulated and real`);
}

/** A zone shows as one of the region that its own region shows as. */
function parseZones(map: YamlValue, regions: NamePairs): NamePairs {
  return parsePairs(map, "zone").map(([real, name, value]) => {
    const region = regions.find(([region]) => isZoneOf(real, region));
    if (region === undefined) {
      const real = regions.map(([it]) => it).join(", ");
      return value.refuse(`a zone of ${real || "a real region"} as its key`);
    }
    if (!isZoneOf(name, region[1])) {
      return value.refuse(
        `a zone of ${region[1]}, as which ${region[0]} shows`,
      );
    }
    return [real, name];
  });
}

/** Two zones with one id would be taken for one, and disks attached across. */
function parseZoneIds(
  map: YamlValue,
  regions: NamePairs,
  base: ReadonlyMap<string, NamePairs>,
): Profile["zoneIds"] {
  const emulated = regions.map(([, name]) => name);
  const own = map.entries("a mapping of emulated regions to their zone ids")
    .map(([region, ids]) => {
      if (!emulated.includes(region)) {
        ids.refuse(
          `${emulated.join(", ") || "an emulated region"} as its key`,
        );
      }
      const pairs = parsePairs(ids, "zone id");
      const names = merged(
        base.get(region),
        pairs.map(([real, name]) => [
          real,
          name,
        ]),
      );
      for (const [real, name, value] of pairs) {
        const other = names.find(([it, shown]) =>
          shown === name && it !== real
        );
        if (other !== undefined) {
          value.refuse(`another zone id, ${quote(other[0])} shows as it`);
        }
      }
      return [region, names] as const;
    });
  return [...new Map([...base, ...own])];
}

function merged(base: NamePairs = [], own: NamePairs): NamePairs {
  return [...new Map([...base, ...own])];
}
