/**
 * Finds the profile that somebody named: one that comes with the program, or
 * a file.
 *
 * @module
 */
import type { Profile } from "./profile.ts";
import { parseProfile } from "./profile_file.ts";
import awsIsoE from "./profiles/aws-iso-e.yaml" with { type: "text" };
import awsIsoF from "./profiles/aws-iso-f.yaml" with { type: "text" };
import c2s from "./profiles/c2s.yaml" with { type: "text" };
import sc2s from "./profiles/sc2s.yaml" with { type: "text" };
import { refuse, type SourcedValue } from "./sourced_value.ts";
import { parseYaml, readText, type ReadTextFile, YamlValue } from "./yaml.ts";

/** A profile that comes with the program. */
export interface BuiltInProfile {
  /** What it is called. */
  readonly name: string;
  /** What it is called, too: its partition. */
  readonly alias?: string;
  /** Its definition, as in a file. */
  readonly yaml: string;
}

/** Every isolated partition that botocore knows regions of. */
export const BUILT_IN_PROFILES: readonly BuiltInProfile[] = [
  { name: "c2s", alias: "aws-iso", yaml: c2s },
  { name: "sc2s", alias: "aws-iso-b", yaml: sc2s },
  { name: "aws-iso-e", yaml: awsIsoE },
  { name: "aws-iso-f", yaml: awsIsoF },
];

/** Every name of a profile that comes with the program. */
export const PROFILE_NAMES: readonly string[] = BUILT_IN_PROFILES.flatMap(
  ({ name, alias }) => alias === undefined ? [name] : [name, alias],
);

/** What the name of a file has, and no name of a profile. */
const FILE = /[./]/;

/** A profile, and its definition. */
export interface FoundProfile {
  /** The profile. */
  readonly profile: Profile;
  /** Its YAML. */
  readonly yaml: string;
}

/** Every profile that comes with the program. */
export function builtInProfiles(): readonly Profile[] {
  return BUILT_IN_PROFILES.map(({ name, yaml }) => parse(name, yaml, NO_FILE));
}

function builtIn(name: string): BuiltInProfile | undefined {
  return BUILT_IN_PROFILES.find((it) => it.name === name || it.alias === name);
}

const NO_FILE: ReadTextFile = (name) => {
  throw new TypeError(`A profile of this program names the file ${name}`);
};

function parse(name: string, yaml: string, readFile: ReadTextFile): Profile {
  const document = parseYaml("profile", name, yaml);
  return parseProfile(new YamlValue(name, document ?? {}), {
    name,
    base: (other) =>
      builtInProfiles().find((it) => it.name === builtIn(other)?.name),
    bases: PROFILE_NAMES,
    readFile,
  });
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
  const found = builtIn(text);
  if (found === undefined && !FILE.test(text)) {
    refuse(value, `${PROFILE_NAMES.join(", ")} or a file such as ./mine.yaml`);
  }
  const { name, yaml } = found ??
    { name: text, yaml: readText("profile", text, readTextFile) };
  return { profile: parse(name, yaml, besides(text, readTextFile)), yaml };
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
  return (name) =>
    readTextFile(`${folder}${name}`.replace(/^(?:\.\/)+/, ""), {
      folder: folder || ".",
    });
}

/**
 * What another file names: a profile, or a file relative to its folder.
 *
 * @param path the other file
 * @param name as it stands there
 */
export function fileBeside(path: string, name: string): string {
  return !FILE.test(name) || name.startsWith("/")
    ? name
    : folderOf(path) + name;
}

/** What stands before a file's name: nothing, or a path with a slash behind. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
