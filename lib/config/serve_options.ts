/**
 * The options of `serve` as data: flags, variables, keys of the file, help
 * and defaults all come from these rows.
 *
 * @module
 */
import { LOG_FORMATS, LOG_LEVELS } from "../observe/log.ts";
import type { Option } from "./options.ts";
import { BACKEND_CHOICES, LEAVINGS, REWRITE_MODES } from "./serve_config.ts";

/** The region the instance really runs in, unless told. */
export const REAL_REGION = "us-east-1";

/** The region it shows, unless told. */
export const EMULATED_REGION = "us-iso-east-1";

/** The address of the metadata service on AWS and OpenStack alike. */
export const METADATA_HOST = "169.254.169.254";

/** The configuration file, which no file can name. */
export const CONFIG_OPTION: Option = {
  name: "config",
  value: "FILE",
  help: "YAML file with these options as keys",
};

/** What flags, environment and file can set alike. */
export const SERVE_SETTINGS: readonly Option[] = [
  {
    name: "listen",
    value: "HOST:PORT",
    repeatable: true,
    help: "Where to listen; port 0 takes a free one",
    fallback: "127.0.0.1:4000",
  },
  {
    name: "listen-anywhere",
    help: "Allows addresses that are not loopback",
  },
  {
    name: "upstream",
    value: "URL",
    help: "The real metadata service; or cloudstack:INTERFACE",
    fallback: `http://${METADATA_HOST}`,
  },
  {
    name: "region",
    value: "REAL=EMULATED",
    repeatable: true,
    pairs: true,
    help: "Shows a region as another; none changes nothing",
    fallback: `${REAL_REGION}=${EMULATED_REGION}`,
  },
  {
    name: "profile",
    value: "NAME|FILE",
    mayBeFile: true,
    help: "Shows a whole identity: see profiles list",
  },
  {
    name: "rewrite",
    value: REWRITE_MODES.join("|"),
    help: "Leaves signed and secret documents alone, or not",
    fallback: "safe",
  },
  {
    name: "timeout",
    value: "SECONDS",
    help: "How long the upstream may take to answer",
    fallback: "5",
  },
  {
    name: "cache",
    value: "SECONDS",
    help: "How long an answer may be reused; 0 is off",
    fallback: "1",
  },
  {
    name: "admin",
    value: "HOST:PORT",
    help: "Answers /healthz, /readyz and /metrics there",
  },
  {
    name: "allow-browsers",
    help: "Lets requests through that come from browsers",
  },
  {
    name: "iptables",
    help: "Installs the rule and keeps it; needs root",
  },
  {
    name: "backend",
    value: BACKEND_CHOICES.join("|"),
    help: "Where the rule is installed; auto: the one in use",
    fallback: "auto",
  },
  {
    name: "user",
    value: "NAME|UID",
    help: "Whom the proxy runs as when started as root",
    fallback: "10169",
  },
  {
    name: "on-stop",
    value: LEAVINGS.join("|"),
    help: "What becomes of the rule on a clean stop",
    fallback: "remove",
  },
  {
    name: "on-crash",
    value: LEAVINGS.join("|"),
    help: "What becomes of the rule while the proxy is dead",
    fallback: "keep",
  },
  {
    name: "address",
    help: `Puts ${METADATA_HOST} on lo meanwhile; needs root`,
  },
  {
    name: "arp-ignore",
    help: "Lets --address set arp_ignore against neighbours",
  },
  {
    name: "log-level",
    value: "LEVEL",
    help: `The least level to log: ${LOG_LEVELS.join(", ")}`,
    fallback: "info",
  },
  {
    name: "log-format",
    value: LOG_FORMATS.join("|"),
    help: "The form of a log line",
    fallback: "text",
  },
];

/** The original's flags, known as flags only. */
export const SERVE_ALIASES: readonly Option[] = [
  {
    name: "port",
    value: "PORT",
    help: "--listen 127.0.0.1:PORT",
  },
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

/** Every flag of `serve` but the aliases, in the order of the help. */
export const SERVE_OPTIONS: readonly Option[] = [
  CONFIG_OPTION,
  ...SERVE_SETTINGS,
];
