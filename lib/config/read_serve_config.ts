/**
 * From flags, environment, file and defaults to the configuration of `serve`.
 *
 * @module
 */
import { UsageError } from "../cli/message.ts";
import {
  type Option,
  parseFlags,
  refuse,
  type SourcedValue,
} from "../cli/options.ts";
import { formatAddress, isLoopback } from "./address.ts";
import { identityOf } from "./profile.ts";
import { findProfile } from "./profiles.ts";
import type { ListenAddress, WholeConfig } from "./serve_config.ts";
import {
  CONFIG_OPTION,
  defaultOf,
  METADATA_HOST,
  OPTIONS,
  parseSettings,
  SERVE_ALIASES,
  SERVE_OPTIONS,
  SERVE_SETTINGS,
} from "./serve_options.ts";
import {
  expandAliases,
  fromEnvironment,
  fromFile,
  fromMdproxyVariables,
  type GivenSettings,
  MDPROXY_LISTEN,
} from "./sources.ts";
import type { ReadTextFile } from "./yaml.ts";

/**
 * Gathers what was given; a flag beats the environment, the environment beats
 * the file. A variable of mdproxy4cs counts as the environment where this
 * program's own is not given.
 *
 * @param args the arguments after the subcommand's name
 * @param env the environment
 * @param readTextFile reads the file of `--config`
 * @throws {UsageError} for the first thing that cannot be told
 */
export function gatherSettings(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readTextFile: ReadTextFile,
): GivenSettings {
  const flags = expandAliases(
    parseFlags(args, [...SERVE_OPTIONS, ...SERVE_ALIASES]).values,
  );
  const variables = fromEnvironment(env, SERVE_OPTIONS);
  const others = fromMdproxyVariables(env);
  const [path] = flags.get(CONFIG_OPTION.name) ??
    variables.get(CONFIG_OPTION.name) ?? [];
  const { values, overrides } = path === undefined
    ? { values: [], overrides: [] }
    : fromFile(path.text, readTextFile, SERVE_SETTINGS);
  const all = [...values, ...others, ...variables, ...flags];
  return { values: new Map(all), overrides };
}

/**
 * Reads the whole configuration out of what was given, and the defaults.
 *
 * @param given what was given
 * @param readTextFile reads the file of a profile
 * @throws {UsageError} for the first thing that is wrong
 */
export function parseServeConfig(
  given: GivenSettings,
  readTextFile: ReadTextFile,
): WholeConfig {
  const values = (option: Option) =>
    given.values.get(option.name) ?? defaultOf(option);
  const { upstream, identity: named, ...settings } = parseSettings(values);
  requireCombination({ ...settings, ...upstream }, values);
  const profile = named && findProfile(named, readTextFile).profile;
  const isOwn = profile === undefined || given.values.has(OPTIONS.regions.name);
  const regions = isOwn ? settings.regions : new Map(profile.regions);
  const identity = identityOf(profile, regions, given.overrides);
  return { ...settings, ...upstream, regions, identity };
}

/**
 * Reads the whole configuration of `serve`.
 *
 * @param args the arguments after the subcommand's name
 * @param env the environment
 * @param readTextFile reads the files that they name
 * @throws {UsageError} for the first thing that is wrong
 */
export function readServeConfig(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readTextFile: ReadTextFile,
): WholeConfig {
  return parseServeConfig(
    gatherSettings(args, env, readTextFile),
    readTextFile,
  );
}

/**
 * Refuses what cannot hold together, though each option is right alone:
 * listeners that others could reach, or two of one address; an upstream or an
 * endpoint of the administrators that is the proxy's own address; the service's
 * address on `lo` where nobody would listen there, or the service itself could
 * no longer be reached.
 *
 * @throws {UsageError} for the first thing that is wrong
 */
function requireCombination(
  config: Omit<WholeConfig, "identity">,
  values: (option: Option) => readonly SourcedValue[],
): void {
  const { listen, upstream, admin, address, arpIgnore } = config;
  const all = listen.map(formatAddress);
  for (const [i, value] of values(OPTIONS.listen).entries()) {
    const { hostname, port } = listen[i] as ListenAddress;
    // Where mdproxy4cs had it on `lo`, the service's own address is for the
    // node alone, too; with any other, the flag says that it is meant.
    const isForNode = isLoopback(hostname) ||
      value.source === MDPROXY_LISTEN && hostname === METADATA_HOST;
    if (!config.listenAnywhere && !isForNode) {
      refuse(value, "a loopback address, or --listen-anywhere beside it");
    }
    if (port !== 0 && all.indexOf(all[i] ?? "") < i) {
      refuse(value, "each address once");
    }
  }
  const expect = (holds: boolean, option: Option, expected: string) => {
    const [value] = values(option);
    if (holds || value === undefined) return;
    if (option.value !== undefined) refuse(value, expected);
    // The value of a switch says only that it is on.
    throw new UsageError(`Cannot use ${value.source}: expected ${expected}`);
  };
  const listenersAt = (host: string) =>
    listen.filter(({ hostname }) => [host, "0.0.0.0", "::"].includes(hostname));
  expect(
    !all.includes(formatAddress(upstream)),
    OPTIONS.upstream,
    "another address than the proxy's own",
  );
  if (admin !== undefined) {
    // What it answers is plain HTTP for whoever asks.
    expect(isLoopback(admin.hostname), OPTIONS.admin, "a loopback address");
    expect(
      admin.port === 0 ||
        listenersAt(admin.hostname).every(({ port }) => port !== admin.port),
      OPTIONS.admin,
      "another port than the proxy's own",
    );
  }
  expect(address || !arpIgnore, OPTIONS.arpIgnore, "--address beside it");
  if (!address) return;
  expect(
    upstream.hostname !== METADATA_HOST,
    OPTIONS.address,
    `another upstream beside it, ${METADATA_HOST} would be this node`,
  );
  expect(
    listenersAt(METADATA_HOST).length > 0,
    OPTIONS.address,
    `--listen ${METADATA_HOST}:PORT beside it`,
  );
}
