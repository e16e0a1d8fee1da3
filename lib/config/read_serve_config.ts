/**
 * From flags, environment, file and defaults to the configuration of `serve`.
 *
 * @module
 */
import { requireCombination } from "./combinations.ts";
import { type ConfigFile, fromFile } from "./config_file.ts";
import { expandAliases, fromMdproxyVariables } from "./drop_in.ts";
import { fromEnvironment } from "./environment.ts";
import type { Option } from "../cli/options.ts";
import { fromFlags } from "./sourced_value.ts";
import { identityOf } from "./profile.ts";
import { findProfile } from "./profiles.ts";
import type { WholeConfig } from "./serve_config.ts";
import {
  CONFIG_OPTION,
  defaultOf,
  parseSettings,
  SERVE_ALIASES,
  SERVE_OPTIONS,
  SERVE_SETTINGS,
} from "./serve_options.ts";
import type { SourcedValue } from "./sourced_value.ts";
import type { ReadTextFile } from "./yaml.ts";

/**
 * Reads the whole configuration of `serve`; a flag beats the environment, the
 * environment beats the file, the file beats the default. A variable of
 * mdproxy4cs counts as the environment where this program's own is not given.
 *
 * @param args the arguments after the subcommand's name
 * @param env the environment
 * @param readTextFile reads the file of `--config`
 * @throws {UsageError} for the first thing that is wrong
 */
export function readServeConfig(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readTextFile: ReadTextFile,
): WholeConfig {
  const { given, overrides } = gather(args, env, readTextFile);
  const values = (option: Option) => given(option.name) ?? defaultOf(option);
  const parsed = parseSettings(values);
  requireCombination(parsed, values);
  const { identity: named, upstream, admin, allowBrowsers, ...settings } =
    parsed;
  const {
    iptables,
    backend,
    user,
    onStop,
    onCrash,
    address,
    arpIgnore,
    ...proxy
  } = settings;
  const profile = named && findProfile(named, readTextFile).profile;
  const regions = profile === undefined || given("region") !== undefined
    ? parsed.regions
    : new Map(profile.regions);
  const identity = identityOf(profile, regions, overrides);
  return Object.freeze({
    ...proxy,
    ...upstream,
    ...admin === undefined ? {} : { admin },
    ...allowBrowsers ? { allowBrowsers } : {},
    regions,
    ...identity === undefined ? {} : { identity },
    node: Object.freeze({
      iptables,
      backend,
      user,
      onStop,
      onCrash,
      address,
      arpIgnore,
    }),
  });
}

/** What was given, before any default. */
interface Gathered {
  /** The values of an option; `undefined` where none was given. */
  readonly given: (name: string) => readonly SourcedValue[] | undefined;
  /** The fixed answers of the file. */
  readonly overrides: ConfigFile["overrides"];
}

/** Lays flags, variables and file over each other. */
function gather(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readTextFile: ReadTextFile,
): Gathered {
  const flags = expandAliases(
    fromFlags(args, [...SERVE_OPTIONS, ...SERVE_ALIASES]),
  );
  const variables = fromEnvironment(env, SERVE_OPTIONS);
  const others = fromMdproxyVariables(env);
  const [file] = flags.get(CONFIG_OPTION.name) ??
    variables.get(CONFIG_OPTION.name) ?? [];
  const { values: keys, overrides }: ConfigFile = file === undefined
    ? { values: new Map(), overrides: [] }
    : fromFile(file.text, readTextFile, SERVE_SETTINGS);
  const sources = [flags, variables, others, keys];
  return {
    given: (name) => sources.find((values) => values.has(name))?.get(name),
    overrides,
  };
}
