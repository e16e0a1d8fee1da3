/**
 * The options of `serve`, one row each: flag, variable, key of the file,
 * parser, default, help, and whether a new value holds without a restart.
 *
 * @module
 */
import type { Option, SourcedValue } from "../cli/options.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../system/log.ts";
import { parseListenAddress, parseUpstreamChoice } from "./address.ts";
import { parseRegions } from "./regions.ts";
import {
  BACKEND_CHOICES,
  LEAVINGS,
  type ListenAddress,
  REWRITE_MODES,
} from "./serve_config.ts";
import { parseChoice, parseSeconds, parseSwitch, parseUser } from "./values.ts";

/** The region the instance really runs in, unless told. */
export const REAL_REGION = "us-east-1";

/** The region it shows, unless told. */
export const EMULATED_REGION = "us-iso-east-1";

/** The address of the metadata service on AWS and OpenStack alike. */
export const METADATA_HOST = "169.254.169.254";

/** The longest time in seconds; more is a mistake. */
const HOUR = 3600;

/** An option of `serve`. */
export interface ServeOption extends Option {
  /** Whether it changes at SIGHUP; others need a restart. */
  readonly live?: true;
  /**
   * Reads what was given, else the default; an option without either is not
   * read.
   *
   * @param value the value
   * @param all every value, of an option that may be given more than once
   */
  readonly parse: (
    value: SourcedValue,
    all: readonly SourcedValue[],
  ) => unknown;
}

/** The rows, by the field of the configuration that each fills. */
export const OPTIONS = {
  listen: {
    name: "listen",
    value: "HOST:PORT",
    repeatable: true,
    help: "Where to listen; port 0 takes a free one",
    fallback: "127.0.0.1:4000",
    parse: (_, all) => all.map(parseListenAddress),
  },
  listenAnywhere: {
    name: "listen-anywhere",
    help: "Allows addresses that are not loopback",
    parse: parseSwitch,
  },
  upstream: {
    name: "upstream",
    value: "URL",
    help: "The real metadata service; or cloudstack:INTERFACE",
    fallback: `http://${METADATA_HOST}`,
    parse: parseUpstreamChoice,
  },
  regions: {
    name: "region",
    value: "REAL=EMULATED",
    repeatable: true,
    help: "Shows a region as another; none changes nothing",
    fallback: `${REAL_REGION}=${EMULATED_REGION}`,
    live: true,
    parse: (_, all) => parseRegions(all),
  },
  identity: {
    name: "profile",
    value: "NAME|FILE",
    mayBeFile: true,
    help: "Shows a whole identity: see profiles list",
    live: true,
    // It may be a file.
    parse: (value): SourcedValue | undefined => value,
  },
  rewrite: {
    name: "rewrite",
    value: REWRITE_MODES.join("|"),
    choices: REWRITE_MODES,
    help: "Leaves signed and secret documents alone, or not",
    fallback: "safe",
    live: true,
    parse: (value) => parseChoice(value, REWRITE_MODES),
  },
  timeoutMs: {
    name: "timeout",
    value: "SECONDS",
    help: "How long the upstream may take to answer",
    fallback: "60",
    live: true,
    parse: (value) => parseSeconds(value, { least: 0.001, most: HOUR }),
  },
  cacheMs: {
    name: "cache",
    value: "SECONDS",
    help: "How long an answer may be reused; 0 is off",
    fallback: "1",
    live: true,
    parse: (value) => parseSeconds(value, { least: 0, most: HOUR }),
  },
  admin: {
    name: "admin",
    value: "HOST:PORT",
    help: "Answers /healthz, /readyz and /metrics there",
    parse: (value): ListenAddress | undefined => parseListenAddress(value),
  },
  allowBrowsers: {
    name: "allow-browsers",
    help: "Lets requests through that come from browsers",
    live: true,
    parse: parseSwitch,
  },
  iptables: {
    name: "iptables",
    help: "Installs the rule and keeps it; needs root",
    parse: parseSwitch,
  },
  backend: {
    name: "backend",
    value: "BACKEND",
    choices: BACKEND_CHOICES,
    help: `Where the rule is: ${BACKEND_CHOICES.join(", ")}`,
    fallback: "auto",
    parse: (value) => parseChoice(value, BACKEND_CHOICES),
  },
  user: {
    name: "user",
    value: "NAME|UID",
    help: "The user the proxy drops to when started as root",
    fallback: "10169",
    parse: parseUser,
  },
  onStop: {
    name: "on-stop",
    value: LEAVINGS.join("|"),
    choices: LEAVINGS,
    help: "What becomes of the rule on a clean stop",
    fallback: "remove",
    parse: (value) => parseChoice(value, LEAVINGS),
  },
  onCrash: {
    name: "on-crash",
    value: LEAVINGS.join("|"),
    choices: LEAVINGS,
    help: "What becomes of the rule while the proxy is dead",
    fallback: "keep",
    parse: (value) => parseChoice(value, LEAVINGS),
  },
  address: {
    name: "address",
    help: `Puts ${METADATA_HOST} on lo meanwhile; needs root`,
    parse: parseSwitch,
  },
  arpIgnore: {
    name: "arp-ignore",
    help: "Lets --address set arp_ignore against neighbours",
    parse: parseSwitch,
  },
  logLevel: {
    name: "log-level",
    value: "LEVEL",
    choices: LOG_LEVELS,
    help: `The least level to log: ${LOG_LEVELS.join(", ")}`,
    fallback: "info",
    live: true,
    parse: (value) => parseChoice(value, LOG_LEVELS),
  },
  logFormat: {
    name: "log-format",
    value: LOG_FORMATS.join("|"),
    choices: LOG_FORMATS,
    help: "The form of a log line",
    fallback: "text",
    live: true,
    parse: (value) => parseChoice(value, LOG_FORMATS),
  },
} satisfies Readonly<Record<string, ServeOption>>;

/** What every option came to, by the names of {@linkcode OPTIONS}. */
export type Parsed = {
  readonly [Field in keyof typeof OPTIONS]: ReturnType<
    typeof OPTIONS[Field]["parse"]
  >;
};

/** What flags, environment and file can set alike. */
export const SERVE_SETTINGS: readonly ServeOption[] = Object.values(OPTIONS);

/**
 * Reads every option.
 *
 * @param values what was given of an option, else its default
 * @throws {UsageError} for the first value that is wrong
 */
export function parseSettings(
  values: (option: Option) => readonly SourcedValue[],
): Parsed {
  const entries = Object.entries<ServeOption>(OPTIONS)
    .map(([field, option]) => {
      const all = values(option);
      const [first] = all;
      return [field, first && option.parse(first, all)];
    });
  return Object.fromEntries(entries) as Parsed;
}

/** What holds of an option that is not given: one value, or none. */
export function defaultOf({ name, value, fallback }: Option): SourcedValue[] {
  const text = fallback ?? (value === undefined ? "false" : undefined);
  return text === undefined
    ? []
    : [{ text, source: `the default of --${name}` }];
}

/** The configuration file, which no file can name. */
export const CONFIG_OPTION: Option = {
  name: "config",
  value: "FILE",
  help: "YAML file with these options as keys",
};

/** Every flag of `serve` but the aliases, in the order of the help. */
export const SERVE_OPTIONS: readonly Option[] = [
  CONFIG_OPTION,
  ...SERVE_SETTINGS,
];

/**
 * The flags of c2s-instance-metadata, which this program replaces, in the order
 * of the help; no variables and no keys.
 */
export const SERVE_ALIASES: readonly Option[] = [
  { name: "port", value: "PORT", help: "--listen 127.0.0.1:PORT" },
  {
    name: "serverName",
    value: "NAME",
    help: "The host of --upstream",
    fallback: METADATA_HOST,
  },
  {
    name: "serverPort",
    value: "PORT",
    help: "The port of --upstream",
    fallback: "80",
  },
  {
    name: "realRegion",
    value: "REAL",
    help: "The left side of --region",
    fallback: REAL_REGION,
  },
  {
    name: "emulatedRegion",
    value: "EMULATED",
    help: "The right side of --region",
    fallback: EMULATED_REGION,
  },
];

/** What they stand for: an option, and its value with their names in braces. */
export const REPLACED_FLAGS: readonly (readonly [
  option: string,
  value: string,
])[] = [
  [OPTIONS.listen.name, "127.0.0.1:{port}"],
  [OPTIONS.upstream.name, "http://{serverName}:{serverPort}"],
  [OPTIONS.regions.name, "{realRegion}={emulatedRegion}"],
];
