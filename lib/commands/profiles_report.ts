/**
 * Profiles for people: all in a table, or one with all that it changes.
 *
 * @module
 */
import { oneLine } from "../config/usage_error.ts";
import { arnNames } from "../rewrite/edits.ts";
import {
  ARN_FIELDS,
  DOMAIN_PATH,
  PARTITION_PATH,
} from "../rewrite/path_rules.ts";
import type { NamePairs, Override, Profile } from "../config/profile.ts";

/** Characters of a text that is shown; more would bury the rest. */
const SHOWN = 40;

/**
 * A table of profiles.
 *
 * @param profiles the profiles
 */
export function renderProfiles(profiles: readonly Profile[]): string {
  return aligned([
    ["profile", "partition", "domain", "regions"],
    ...profiles.map(({ name, partition = "", domain = "", regions }) => [
      name,
      partition,
      domain,
      regions.map((pair) => pair.join("=")).join(" "),
    ]),
  ]);
}

/**
 * What one profile changes, a line each; then what it leaves alone.
 *
 * @param profile the profile
 */
export function renderProfile(profile: Profile): string {
  const { partition, domain, regions, zones, zoneIds, hostNames } = profile;
  const ids = zoneIds.flatMap(([, pairs]) => pairs);
  return aligned([
    ["profile", profile.name],
    ...changes("region", regions),
    ...changes("zone", zones),
    [
      "other zones",
      "keep what follows the region: us-east-1a is zone a of its region",
    ],
    ...changes("zone id", ids),
    [ids.length === 0 ? "zone ids" : "other zone ids", "stay as they are"],
    ...partition === undefined ? [["partition", "stays as it is"]] : [
      ["partition", `${PARTITION_PATH}: ${partition}`],
      ...changes("ARN", arnNames(partition)),
      ["", `where text is rewritten, and in ${arnPlaces()}`],
    ],
    [
      "domain",
      domain === undefined ? "stays as it is" : `${DOMAIN_PATH}: ${domain}`,
    ],
    ["host names", hostNames ? "follow the region" : "stay as they are"],
    ...profile.overrides.map((it) => ["override", overrideText(it)]),
  ]);
}

function arnPlaces(): string {
  return ARN_FIELDS.flatMap(({ paths, fields }) =>
    paths.map((path) => `${path} (${fields.join(", ")})`)
  ).join(", ");
}

function changes(what: string, pairs: NamePairs): string[][] {
  return pairs.map(([real, name]) => [what, `${real} → ${name}`]);
}

function overrideText(override: Override): string {
  switch (override.kind) {
    case "absent":
      return `${override.path} and all below: 404`;
    case "text":
      return `${override.path}: ${short(override.text)}`;
    case "fields":
      return `${override.path}: ${
        Object.entries(override.fields)
          .map(([field, text]) => `${field} ${short(text)}`).join(", ")
      }`;
  }
}

function short(text: string): string {
  const line = JSON.stringify(text);
  return line.length > SHOWN
    ? `${line.slice(0, SHOWN)}… (${text.length} characters)`
    : line;
}

/** Columns as wide as their widest cell, the last one left as it is. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths =
    rows[0]?.map((_, i) =>
      Math.max(...rows.map((row) => row[i]?.length ?? 0))
    ) ?? [];
  return rows.map((row) =>
    row.map((cell, i) =>
      i === row.length - 1
        ? oneLine(cell)
        : oneLine(cell).padEnd(widths[i] ?? 0)
    ).join("  ").trimEnd() + "\n"
  ).join("");
}
