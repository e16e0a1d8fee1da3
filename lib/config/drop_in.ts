/**
 * Flags and variables of the programs that this one replaces, as options of
 * `serve`: the flags of c2s-instance-metadata, and the variables of mdproxy4cs,
 * so that `/etc/default/mdproxy4cs` goes on working under a unit whose
 * ExecStart is this program.
 * https://github.com/orange-cloudfoundry/mdproxy4cs, assets/default
 *
 * @module
 */
import { LOG_LEVELS } from "../system/log.ts";
import { cloudstackUpstream, parseInterfaceName } from "./address.ts";
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
import { UsageError } from "../cli/message.ts";

/**
 * Replaces the original's flags by what they stand for.
 *
 * @param flags every flag given, by name
 * @returns flags without aliases
 * @throws {UsageError} for an alias beside the flag it stands for
 */
export function expandAliases(flags: SourcedValues): SourcedValues {
  const expanded = new Map(flags);
  for (const [name, { aliases, text }] of Object.entries(STANDS_FOR)) {
    const given = aliases.flatMap((alias) => flags.get(alias) ?? []);
    if (given.length === 0) continue;
    const source = given.map((value) => value.source).join(" and ");
    if (flags.has(name)) {
      throw new UsageError(
        `Cannot use ${source} beside --${name}: expected one or the other`,
      );
    }
    const texts = aliases.map((alias) => flags.get(alias)?.[0]?.text);
    expanded.set(name, [{ text: text(...texts), source }]);
  }
  return expanded;
}

/** The flags that together say what one of this program's own does, and how. */
const STANDS_FOR: Readonly<
  Record<string, {
    readonly aliases: readonly string[];
    readonly text: (...texts: readonly (string | undefined)[]) => string;
  }>
> = {
  listen: { aliases: ["port"], text: (port) => `127.0.0.1:${port}` },
  upstream: {
    aliases: ["serverName", "serverPort"],
    text: (name = METADATA_HOST, port = "80") =>
      `http://${name.includes(":") ? `[${name}]` : name}:${port}`,
  },
  region: {
    aliases: ["realRegion", "emulatedRegion"],
    text: (real = REAL_REGION, emulated = EMULATED_REGION) =>
      `${real}=${emulated}`,
  },
};

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
