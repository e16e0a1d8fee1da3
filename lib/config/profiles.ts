/**
 * Profiles as YAML: a whole identity, or what differs from another one. Some
 * come with the program, others are files.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";
import { refuse, type SourcedValue } from "../cli/options.ts";
import { OVERRIDES, parseOverrides } from "./overrides.ts";
import { isZoneOf, type NamePairs, type Profile } from "./profile.ts";
import awsIsoE from "./profiles/aws-iso-e.yaml" with { type: "text" };
import awsIsoF from "./profiles/aws-iso-f.yaml" with { type: "text" };
import c2s from "./profiles/c2s.yaml" with { type: "text" };
import sc2s from "./profiles/sc2s.yaml" with { type: "text" };
import { parseRegions, REGION_NAME } from "./regions.ts";
import {
  readText,
  type ReadTextFile,
  readYaml,
  type YamlValue,
} from "./yaml.ts";

/**
 * Every isolated partition that botocore knows regions of: what its profile is
 * called, also by the partition, and its definition.
 */
const BUILT_IN: readonly { names: readonly string[]; yaml: string }[] = [
  { names: ["c2s", "aws-iso"], yaml: c2s },
  { names: ["sc2s", "aws-iso-b"], yaml: sc2s },
  { names: ["aws-iso-e"], yaml: awsIsoE },
  { names: ["aws-iso-f"], yaml: awsIsoF },
];

/** Every name of a profile that comes with the program. */
export const PROFILE_NAMES: readonly string[] = BUILT_IN.flatMap(
  ({ names }) => names,
);

function builtIn(name: string): typeof BUILT_IN[number] | undefined {
  return BUILT_IN.find(({ names }) => names.includes(name));
}

/** What the name of a file has, and no name of a profile. */
const FILE = /[./]/;

/** A profile, and its definition. */
export interface FoundProfile {
  /** The profile. */
  readonly profile: Profile;
  /** Its YAML. */
  readonly yaml: string;
}

/**
 * Finds a profile by its name, or in a file. A name has neither dot nor slash.
 *
 * @param value what was given
 * @param readTextFile reads the file, and those it names, which are relative
 * to its folder
 * @throws {UsageError} for an unknown name, and for a file that is no profile
 */
export function findProfile(
  value: SourcedValue,
  readTextFile: ReadTextFile,
): FoundProfile {
  const { text } = value;
  const own = builtIn(text);
  if (own === undefined && !FILE.test(text)) {
    refuse(value, `${PROFILE_NAMES.join(", ")} or a file such as ./mine.yaml`);
  }
  const name = own?.names[0] ?? text;
  const yaml = own?.yaml ?? readText("profile", text, readTextFile);
  return {
    profile: parseProfile(name, yaml, besides(text, readTextFile)),
    yaml,
  };
}

/** Every profile that comes with the program. */
export function builtInProfiles(): readonly Profile[] {
  return BUILT_IN.map(({ names: [name = ""], yaml }) =>
    parseProfile(name, yaml, () => "")
  );
}

/**
 * Reads files that another file names: in its folder, or below.
 *
 * @param path the other file
 * @param readTextFile reads files
 */
export function besides(
  path: string,
  readTextFile: ReadTextFile,
): ReadTextFile {
  const folder = folderOf(path);
  return (name) => readTextFile(folder + name, { folder: folder || "." });
}

/**
 * What another file names: a profile, or a file relative to its folder.
 *
 * @param path the other file
 * @param name as it stands there
 */
export function fileBeside(path: string, name: string): string {
  const isRelative = FILE.test(name) && !name.startsWith("/");
  return isRelative ? folderOf(path) + name : name;
}

/** What stands before a file's name: nothing, or a path with a slash behind. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

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

/** What stands under zone-ids. */
const ZONE_IDS = "a mapping of emulated regions to their zone ids";

/** The second part of an ARN. */
const PARTITION = /^[a-z][a-z0-9-]{0,62}$/;

/** A DNS suffix. */
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/**
 * Reads a profile. What it does not say is its base's; maps add up. One
 * without any region is refused as a slip, for which there is `--region none`.
 *
 * @throws {UsageError} for an unknown key, a wrong value, maps that cannot
 * hold together, and no regions at all
 */
function parseProfile(
  name: string,
  yaml: string,
  readFile: ReadTextFile,
): Profile {
  const document = readYaml("profile", name, () => yaml);
  const own = document.keys(KEYS);
  const keys = document.over(baseOf(own.base)).keys(KEYS);
  const hostNames = keys["host-names"];
  if (!["undefined", "boolean"].includes(typeof hostNames.value)) {
    hostNames.refuse("true or false without quotes");
  }
  const regions = parseRegionPairs(keys.regions);
  requireEmulated(own["zone-ids"], regions);
  const profile: Profile = {
    name,
    partition: keys.partition.text("a partition, such as aws-iso", PARTITION),
    domain: keys.domain.text("a DNS suffix, such as c2s.ic.gov", DOMAIN),
    regions,
    zones: parseZones(keys.zones, regions),
    zoneIds: parseZoneIds(keys["zone-ids"]),
    hostNames: hostNames.value === true,
    overrides: parseOverrides(keys[OVERRIDES], readFile),
  };
  // After what is wrong with a value, which says more.
  if (regions.length === 0) {
    throw new UsageError(
      `Cannot use profile ${quote(name)}: expected regions or base`,
    );
  }
  return profile;
}

/** The definition that another one is based on: one of this program. */
function baseOf(base: YamlValue): YamlValue | undefined {
  const oneOf = `one of ${PROFILE_NAMES.join(", ")}`;
  const name = base.text(oneOf);
  if (name === undefined) return undefined;
  const { yaml } = builtIn(name) ?? base.refuse(oneOf);
  return readYaml("profile", name, () => yaml);
}

function parsePairs(
  map: YamlValue,
  what: string,
): (readonly [real: string, name: string, value: YamlValue])[] {
  return map.entries(`a mapping of real to emulated ${what}s`)
    .map(([real, value]) => {
      if (!REGION_NAME.test(real)) {
        value.refuse(`the name of a real ${what} as its key`);
      }
      const name = value.text(`the name of a ${what}`, REGION_NAME) ?? "";
      return [real, name, value];
    });
}

/** The regions, as `--region` would have them. */
function parseRegionPairs(map: YamlValue): NamePairs {
  const values = parsePairs(map, "region").map(([real, name, { place }]) => ({
    text: `${real}=${name}`,
    source: place,
  }));
  return [...parseRegions(values)];
}

/** A zone shows as one of the region that its own region shows as. */
function parseZones(map: YamlValue, regions: NamePairs): NamePairs {
  const known = regions.map(([real]) => real).join(", ") || "a real region";
  return parsePairs(map, "zone").map(([real, name, value]) => {
    const [from, to] = regions.find(([region]) => isZoneOf(real, region)) ??
      value.refuse(`a zone of ${known} as its key`);
    if (!isZoneOf(name, to)) {
      value.refuse(`a zone of ${to}, as which ${from} shows`);
    }
    return [real, name];
  });
}

/** The base may have ids for regions that are emulated no more. */
function requireEmulated(map: YamlValue, regions: NamePairs): void {
  const known = regions.map(([, name]) => name);
  for (const [region, ids] of map.entries(ZONE_IDS)) {
    if (known.includes(region)) continue;
    ids.refuse(`${known.join(", ") || "an emulated region"} as its key`);
  }
}

/** Two zones with one id would be taken for one, and disks attached across. */
function parseZoneIds(map: YamlValue): Profile["zoneIds"] {
  return map.entries(ZONE_IDS).map(([region, ids]) => {
    const realByName = new Map<string, string>();
    const pairs = parsePairs(ids, "zone id").map(([real, name, value]) => {
      const other = realByName.get(name);
      if (other !== undefined) {
        value.refuse(`another zone id, ${quote(other)} shows as it`);
      }
      realByName.set(name, real);
      return [real, name] as const;
    });
    return [region, pairs];
  });
}
