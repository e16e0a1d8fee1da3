/**
 * `c2s-imds profiles`: which identities there are, and what each changes.
 *
 * @module
 */
import { type Option, parseAction, renderOptions } from "../cli/options.ts";
import { builtInProfiles, findProfile } from "../config/profiles.ts";
import { alignColumns, UsageError } from "../cli/message.ts";
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { arnNames } from "../rewrite/edits.ts";
import {
  ARN_FIELDS,
  DOMAIN_PATH,
  PARTITION_PATH,
} from "../rewrite/path_rules.ts";
import type { NamePairs, Override, Profile } from "../config/profile.ts";

/** Characters of a text that is shown; more would bury the rest. */
const SHOWN = 40;

const YAML: Option = {
  name: "yaml",
  help: "Prints the definition instead, with the sources",
  of: ["show"],
};

const ACTIONS = ["list", "ls", "show"] as const;

const HELP = `Usage: c2s-imds profiles list
       c2s-imds profiles show NAME|FILE [flags]

Lists the profiles that serve and check take as --profile, or shows what one
changes beside the region. The name of a partition stands for its profile.

${renderOptions([YAML])}

A FILE is YAML with the keys of such a definition; base: NAME takes over what
it does not say itself:

  base: c2s
  zones: {us-east-1a: us-iso-east-1b}
  overrides:
    "*/meta-data/tags": {status: 404}

Example:
  c2s-imds profiles show c2s
`;

/** The subcommand `profiles`. */
export const profiles: Command = {
  name: "profiles",
  summary: "Lists the identities there are, and what each changes",
  help: HELP,
  options: [YAML],
  actions: ACTIONS,
  run: (args, io) => Promise.resolve(run(args, io)),
};

function run(args: readonly string[], io: Io): ExitCode {
  const { action, operand: name, isSet } = parseAction(
    args,
    [YAML],
    ACTIONS,
    "verb",
    "show",
  );
  if (action !== "show") {
    io.stdout(renderProfiles());
    return EXIT.OK;
  }
  if (name === undefined) {
    throw new UsageError("No profile: expected show NAME|FILE");
  }
  const named = { text: name, source: "show" };
  const { yaml, profile } = findProfile(named, io.readTextFile);
  io.stdout(isSet(YAML.name) ? yaml : renderProfile(profile));
  return EXIT.OK;
}

/** A table of the profiles that come with the program. */
function renderProfiles(): string {
  return alignColumns([
    ["profile", "partition", "domain", "regions"],
    ...builtInProfiles().map(({ name, partition, domain, regions }) => [
      name,
      partition ?? "",
      domain ?? "",
      regions.map((pair) => pair.join("=")).join(" "),
    ]),
  ]);
}

/** What one profile changes, a line each; then what it leaves alone. */
function renderProfile(profile: Profile): string {
  const { partition, domain, regions, zones, zoneIds, hostNames } = profile;
  const ids = zoneIds.flatMap(([, pairs]) => pairs);
  const arnPlaces = ARN_FIELDS.flatMap(({ paths, fields }) =>
    paths.map((path) => `${path} (${fields.join(", ")})`)
  );
  return alignColumns([
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
      ["", `where text is rewritten, and in ${arnPlaces.join(", ")}`],
    ],
    [
      "domain",
      domain === undefined ? "stays as it is" : `${DOMAIN_PATH}: ${domain}`,
    ],
    ["host names", hostNames ? "follow the region" : "stay as they are"],
    ...profile.overrides.map((it) => ["override", overrideText(it)]),
  ]);
}

function changes(what: string, pairs: NamePairs): string[][] {
  return pairs.map(([real, name]) => [what, `${real} → ${name}`]);
}

function overrideText({ path, ...override }: Override): string {
  switch (override.kind) {
    case "absent":
      return `${path} and all below: 404`;
    case "text":
      return `${path}: ${short(override.text)}`;
    case "fields": {
      const fields = Object.entries(override.fields)
        .map(([field, text]) => `${field} ${short(text)}`);
      return `${path}: ${fields.join(", ")}`;
    }
  }
}

function short(text: string): string {
  const line = JSON.stringify(text);
  return line.length > SHOWN
    ? `${line.slice(0, SHOWN)}… (${text.length} characters)`
    : line;
}
