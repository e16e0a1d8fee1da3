/**
 * The variables of mdproxy4cs, so that `/etc/default/mdproxy4cs` goes on
 * working under a unit whose ExecStart is this program.
 * https://github.com/orange-cloudfoundry/mdproxy4cs, assets/default
 *
 * @module
 */
import { LOG_LEVELS } from "../system/log.ts";
import { type Given, type Givens, refuse } from "./given.ts";
import { cloudstackUpstream, parseInterfaceName } from "./upstream.ts";

/** Where mdproxy4cs listens; on the service's address, unless changed. */
export const MDPROXY_LISTEN = "MDPROXY4CS_HTTP_LISTEN";

/** Levels of logrus, which mdproxy4cs takes, that this program has not. */
const LEVELS: Readonly<Record<string, string>> = {
  trace: "debug",
  warning: "warn",
  fatal: "error",
  panic: "error",
};

/** What each variable stands for: the option, and its value there. */
const VARIABLES: Readonly<
  Record<string, readonly [option: string, say: (given: Given) => string]>
> = {
  MDPROXY4CS_INAME: [
    "upstream",
    (given) => cloudstackUpstream(parseInterfaceName(given)),
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
): Givens {
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

function logLevel(given: Given): string {
  const level = given.text.toLowerCase();
  const own = LEVELS[level] ?? level;
  return LOG_LEVELS.find((one) => one === own) ??
    refuse(
      given,
      `one of ${[...LOG_LEVELS, ...Object.keys(LEVELS)].join(", ")}`,
    );
}
