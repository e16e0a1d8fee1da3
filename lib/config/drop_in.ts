/**
 * What the programs before this one were told, said in its own options: the
 * flags of c2s-instance-metadata, and the variables of mdproxy4cs, so that
 * `/etc/default/mdproxy4cs` goes on working under a unit whose ExecStart is
 * this program.
 * https://github.com/orange-cloudfoundry/mdproxy4cs, assets/default
 *
 * @module
 */
import { LOG_LEVELS } from "../observe/log.ts";
import {
  cloudstackUpstream,
  formatAddress,
  parseHost,
  parseInterfaceName,
  parsePort,
  parseRemotePort,
} from "./address.ts";
import { parseEmulatedRegion, parseRealRegion } from "./regions.ts";
import {
  EMULATED_REGION,
  METADATA_HOST,
  REAL_REGION,
} from "./serve_options.ts";
import {
  refuse,
  type SourcedValue,
  type SourcedValues,
} from "./sourced_value.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Replaces the original's flags by what they stand for.
 *
 * @param flags every flag given, by name
 * @returns flags without aliases
 * @throws {UsageError} for a bad value, and for an alias beside the flag it
 * stands for
 */
export function expandAliases(flags: SourcedValues): SourcedValues {
  const { port, serverName, serverPort, realRegion, emulatedRegion, ...rest } =
    Object.fromEntries(flags);
  const expanded = new Map(Object.entries(rest));
  const stand = (
    name: string,
    aliases: readonly (readonly SourcedValue[] | undefined)[],
    text: () => string,
  ) => {
    const sources = aliases.flatMap((values) => values ?? [])
      .map((value) => value.source);
    if (sources.length === 0) return;
    const source = sources.join(" and ");
    if (expanded.has(name)) {
      throw new UsageError(
        `Cannot use ${source} beside --${name}: expected one or the other`,
      );
    }
    expanded.set(name, [{ text: text(), source }]);
  };
  stand("listen", [port], () => `127.0.0.1:${first(port, parsePort)}`);
  stand("upstream", [serverName, serverPort], () =>
    `http://${
      formatAddress({
        hostname: first(serverName, parseHost) ?? METADATA_HOST,
        port: first(serverPort, parseRemotePort) ?? 80,
      })
    }`);
  stand("region", [realRegion, emulatedRegion], () => {
    const real = first(realRegion, parseRealRegion) ?? REAL_REGION;
    const emulated = first(emulatedRegion, parseEmulatedRegion) ??
      EMULATED_REGION;
    return `${real}=${emulated}`;
  });
  return expanded;
}

function first<T>(
  values: readonly SourcedValue[] | undefined,
  parse: (value: SourcedValue) => T,
): T | undefined {
  const value = values?.[0];
  return value === undefined ? undefined : parse(value);
}

/** Where mdproxy4cs listens; on the service's address, unless changed. */
export const MDPROXY_LISTEN = "MDPROXY4CS_HTTP_LISTEN";

/** What each variable stands for: the option, and its value there. */
const VARIABLES: Readonly<
  Record<string, readonly [string, (value: SourcedValue) => string]>
> = {
  MDPROXY4CS_INAME: [
    "upstream",
    (value) => cloudstackUpstream(parseInterfaceName(value)),
  ],
  [MDPROXY_LISTEN]: ["listen", ({ text }) => text],
  MDPROXY4CS_LOG_LEVEL: ["log-level", logLevel],
};

/** The variable with the name of a log file. */
const LOG_FILE = "MDPROXY4CS_LOG_FILE";

/**
 * Reads the variables of mdproxy4cs as options of `serve`. Empty ones, and
 * others that begin alike, mean nothing.
 *
 * @param env the environment
 * @throws {UsageError} for a value that means nothing here
 */
export function fromMdproxyVariables(
  env: Readonly<Record<string, string>>,
): SourcedValues {
  const file = { text: env[LOG_FILE] ?? "", source: LOG_FILE };
  if (file.text !== "" && file.text !== "-") {
    refuse(file, "-, for the log goes to standard error");
  }
  return new Map(
    Object.entries(VARIABLES).flatMap(([source, [option, say]]) => {
      const text = env[source] ?? "";
      if (text === "") return [];
      return [[option, [{ text: say({ text, source }), source }]]];
    }),
  );
}

/** Levels of logrus, which mdproxy4cs takes, that this program has not. */
const LEVELS: Readonly<Record<string, string>> = {
  trace: "debug",
  warning: "warn",
  fatal: "error",
  panic: "error",
};

function logLevel(value: SourcedValue): string {
  const level = value.text.toLowerCase();
  const own = LEVELS[level] ?? level;
  return LOG_LEVELS.find((one) => one === own) ??
    refuse(
      value,
      `one of ${[...LOG_LEVELS, ...Object.keys(LEVELS)].join(", ")}`,
    );
}
