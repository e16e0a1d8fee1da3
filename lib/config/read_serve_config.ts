/**
 * From flags, environment, file and defaults to the configuration of `serve`.
 *
 * @module
 */
import { LOG_FORMATS, LOG_LEVELS } from "../observe/log.ts";
import { formatAddress } from "./address.ts";
import { parseAdmin } from "./admin.ts";
import { fromEnvironment } from "./environment.ts";
import { type ConfigFile, fromFile, type ReadTextFile } from "./file.ts";
import { fromFlags } from "./flags.ts";
import { type Given, refuse } from "./given.ts";
import { identityOf } from "./identity.ts";
import { parseListeners } from "./listen.ts";
import { fromMdproxyVariables } from "./mdproxy_variables.ts";
import { findProfile } from "./profiles.ts";
import { parseRegions } from "./regions.ts";
import { expandAliases } from "./serve_aliases.ts";
import {
  BACKEND_CHOICES,
  LEAVINGS,
  REWRITE_MODES,
  type WholeConfig,
} from "./serve_config.ts";
import {
  CONFIG_OPTION,
  SERVE_ALIASES,
  SERVE_OPTIONS,
  SERVE_SETTINGS,
} from "./serve_options.ts";
import { parseServiceAddress } from "./service_address.ts";
import { parseUpstreamChoice } from "./upstream.ts";
import { parseChoice, parseSeconds, parseSwitch } from "./values.ts";

/** The longest wait: whoever asks for more than an hour has made a slip. */
const LONGEST_SECONDS = 3600;

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
  const all = (name: string) => given(name) ?? defaults(name);
  const one = (name: string) => only(all(name));
  const listen = parseListeners(
    all("listen"),
    parseSwitch(one("listen-anywhere")),
  );
  const choice = parseUpstreamChoice(one("upstream"));
  if (listen.map(formatAddress).includes(formatAddress(choice.upstream))) {
    refuse(one("upstream"), "another address than the proxy's own");
  }
  const [adminGiven] = given("admin") ?? [];
  const admin = parseAdmin(adminGiven, { listen, upstream: choice.upstream });
  const [named] = given("profile") ?? [];
  const profile = named && findProfile(named, readTextFile).profile;
  const regions = profile === undefined || given("region") !== undefined
    ? parseRegions(all("region"))
    : new Map(profile.regions);
  const identity = identityOf(profile, regions, overrides);
  return Object.freeze({
    listen: Object.freeze(listen),
    listenAnywhere: parseSwitch(one("listen-anywhere")),
    ...choice,
    ...admin === undefined ? {} : { admin },
    ...parseSwitch(one("allow-browsers")) ? { allowBrowsers: true } : {},
    regions,
    ...identity === undefined ? {} : { identity },
    rewrite: parseChoice(one("rewrite"), REWRITE_MODES),
    timeoutMs: parseSeconds(one("timeout"), {
      least: 0.001,
      most: LONGEST_SECONDS,
    }),
    cacheMs: parseSeconds(one("cache"), { least: 0, most: LONGEST_SECONDS }),
    logLevel: parseChoice(one("log-level"), LOG_LEVELS),
    logFormat: parseChoice(one("log-format"), LOG_FORMATS),
    node: Object.freeze({
      iptables: parseSwitch(one("iptables")),
      backend: parseChoice(one("backend"), BACKEND_CHOICES),
      user: one("user").text,
      onStop: parseChoice(one("on-stop"), LEAVINGS),
      onCrash: parseChoice(one("on-crash"), LEAVINGS),
      ...parseServiceAddress(one("address"), one("arp-ignore"), {
        upstream: choice.upstream,
        listen,
      }),
    }),
  });
}

/** What was given, before any default. */
interface Gathered {
  /** The values of an option; `undefined` where none was given. */
  readonly given: (name: string) => readonly Given[] | undefined;
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
  const { givens: keys, overrides }: ConfigFile = file === undefined
    ? { givens: new Map(), overrides: [] }
    : fromFile(file.text, readTextFile, SERVE_SETTINGS);
  return {
    given: (name) =>
      flags.get(name) ?? variables.get(name) ?? others.get(name) ??
        keys.get(name),
    overrides,
  };
}

function defaults(name: string): readonly Given[] {
  const option = SERVE_SETTINGS.find((option) => option.name === name);
  if (option === undefined) throw new TypeError(`No option ${name}`);
  const text = option.fallback ?? (option.value === undefined ? "false" : "");
  return [{ text, source: `the default of --${name}` }];
}

function only(givens: readonly Given[]): Given {
  const [given] = givens;
  if (given === undefined) throw new TypeError("An option without a value");
  return given;
}
