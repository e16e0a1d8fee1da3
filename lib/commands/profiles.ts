/**
 * `c2s-imds profiles`: which identities there are, and what each changes.
 *
 * @module
 */
import type { SourcedValue } from "../config/sourced_value.ts";
import { type Option, parseOptions, renderOptions } from "../config/options.ts";
import { builtInProfiles, findProfile } from "../config/profiles.ts";
import { quote, UsageError } from "../config/usage_error.ts";
import { type Command, EXIT, type ExitCode, type Io } from "./command.ts";
import { renderProfile, renderProfiles } from "./profiles_report.ts";

const YAML: Option = {
  name: "yaml",
  help: "Prints the definition instead, with the sources",
};

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
  run: (args, io) => Promise.resolve(run(args, io)),
};

function run(args: readonly string[], io: Io): ExitCode {
  const { given, words } = parseOptions(args, [YAML]);
  const [verb, name, extra] = words;
  const yaml = given.get(YAML.name)?.[0] === "true";
  if (verb === "list") {
    if (name !== undefined) refuseWord(name);
    if (yaml) {
      throw new UsageError("Cannot use --yaml with list: it is for show");
    }
    io.stdout(renderProfiles(builtInProfiles()));
    return EXIT.OK;
  }
  if (verb !== "show") {
    const found = verb === undefined
      ? "No verb"
      : `Unknown verb ${quote(verb)}`;
    throw new UsageError(`${found}: expected list or show NAME|FILE`);
  }
  if (name === undefined) {
    throw new UsageError("No profile: expected show NAME|FILE");
  }
  if (extra !== undefined) refuseWord(extra);
  const named: SourcedValue = { text: name, source: "show" };
  const found = findProfile(named, io.readTextFile);
  io.stdout(yaml ? found.yaml : renderProfile(found.profile));
  return EXIT.OK;
}

function refuseWord(word: string): never {
  throw new UsageError(`Unexpected argument ${quote(word)}`);
}
