/**
 * What was given of options, and where: flags, variables, the configuration
 * file, and what the programs that this one replaces had of each.
 *
 * @module
 */
import { quote, unknown, UsageError } from "../cli/message.ts";
import {
  type Option,
  refuse,
  type SourcedValue,
  type SourcedValues,
} from "../cli/options.ts";
import { LOG_LEVELS } from "../system/log.ts";
import { cloudstackUpstream, parseInterfaceName } from "./address.ts";
import { OVERRIDES, parseOverrides } from "./overrides.ts";
import type { Override } from "./profile.ts";
import { besides, fileBeside } from "./profiles.ts";
import { REPLACED_FLAGS, SERVE_ALIASES } from "./serve_options.ts";
import {
  isMapping,
  type ReadTextFile,
  readYaml,
  type YamlValue,
} from "./yaml.ts";

/**
 * Replaces the flags of c2s-instance-metadata by what they stand for.
 *
 * @param flags every flag given, by name
 * @returns flags of this program alone
 * @throws {UsageError} for such a flag beside the one it stands for
 */
export function expandAliases(flags: SourcedValues): SourcedValues {
  const expanded = new Map(flags);
  for (const [of, value] of REPLACED_FLAGS) {
    const aliases = SERVE_ALIASES.filter(({ name }) =>
      value.includes(`{${name}}`)
    );
    const given = aliases.flatMap(({ name }) => flags.get(name) ?? []);
    if (given.length === 0) continue;
    const source = given.map((value) => value.source).join(" and ");
    if (flags.has(of)) {
      throw new UsageError(
        `Cannot use ${source} beside --${of}: expected one or the other`,
      );
    }
    const text = aliases.reduce((text, { name, fallback = "" }) => {
      const part = flags.get(name)?.[0]?.text ?? fallback;
      // The original takes an IPv6 address without brackets.
      const host = part.includes(":") ? `[${part}]` : part;
      return text.replace(`{${name}}`, () => host);
    }, value);
    expanded.set(of, [{ text, source }]);
  }
  return expanded;
}

/** What the names of all variables begin with. */
const PREFIX = "C2S_IMDS_";

/**
 * What Kubernetes sets in every pod beside a Service called c2s-imds: not
 * meant for this program, and nothing to stop for.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
const SERVICE_LINK =
  /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;
const SERVICE_URL = /^(?:tcp|udp|sctp):\/\//;

/**
 * Reads the variables of some options, `C2S_IMDS_TIMEOUT` for `--timeout`. What
 * may be given more than once is a list, separated by commas or white space.
 *
 * @param env the environment
 * @param options the options it may give
 * @throws {UsageError} for an empty variable, and for an unknown one that
 * begins with `C2S_IMDS_`, because a slip would be lost without a word
 */
export function fromEnvironment(
  env: Readonly<Record<string, string>>,
  options: readonly Option[],
): SourcedValues {
  const known = new Map(options.map((option) => [
    PREFIX + option.name.replaceAll("-", "_").toUpperCase(),
    option,
  ]));
  const values = new Map<string, readonly SourcedValue[]>();
  for (const [source, value] of Object.entries(env)) {
    if (!source.startsWith(PREFIX)) continue;
    const option = known.get(source);
    if (option === undefined) {
      if (SERVICE_LINK.test(source) || SERVICE_URL.test(value)) continue;
      throw unknown(`variable ${quote(source)}`, source, [...known.keys()]);
    }
    const texts = (option.repeatable ? value.split(/[\s,]+/) : [value])
      .filter((text) => text !== "");
    if (texts.length === 0) {
      refuse({ text: "", source }, option.value ?? "true");
    }
    values.set(option.name, texts.map((text) => ({ text, source })));
  }
  return values;
}

/** Where mdproxy4cs listens; on the service's address, unless changed. */
export const MDPROXY_LISTEN = "MDPROXY4CS_HTTP_LISTEN";

/** Levels of logrus, which mdproxy4cs takes, that this program has not. */
const LOGRUS_LEVELS: Readonly<Record<string, string>> = {
  trace: "debug",
  warning: "warn",
  fatal: "error",
  panic: "error",
};

/** What each variable of mdproxy4cs stands for: an option, and its value. */
const MDPROXY_VARIABLES: Readonly<
  Record<string, readonly [string, (value: SourcedValue) => string]>
> = {
  MDPROXY4CS_INAME: [
    "upstream",
    (value) => cloudstackUpstream(parseInterfaceName(value)),
  ],
  [MDPROXY_LISTEN]: ["listen", ({ text }) => text],
  MDPROXY4CS_LOG_LEVEL: ["log-level", (value) => {
    const level = value.text.toLowerCase();
    const own = LOGRUS_LEVELS[level] ?? level;
    const levels = [...LOG_LEVELS, ...Object.keys(LOGRUS_LEVELS)];
    return LOG_LEVELS.find((one) => one === own) ??
      refuse(value, `one of ${levels.join(", ")}`);
  }],
};

/** The variable with the name of a log file. */
const MDPROXY_LOG_FILE = "MDPROXY4CS_LOG_FILE";

/**
 * Reads the variables of mdproxy4cs as options of `serve`, so that
 * `/etc/default/mdproxy4cs` goes on working under a unit whose ExecStart is
 * this program. Empty ones, and others that begin alike, mean nothing.
 * https://github.com/orange-cloudfoundry/mdproxy4cs, assets/default
 *
 * @param env the environment
 * @throws {UsageError} for a value that means nothing here
 */
export function fromMdproxyVariables(
  env: Readonly<Record<string, string>>,
): SourcedValues {
  const file = { text: env[MDPROXY_LOG_FILE] ?? "", source: MDPROXY_LOG_FILE };
  if (file.text !== "" && file.text !== "-") {
    refuse(file, "-, for the log goes to standard error");
  }
  return new Map(
    Object.entries(MDPROXY_VARIABLES).flatMap(([source, [option, read]]) => {
      const text = env[source] ?? "";
      if (text === "") return [];
      return [[option, [{ text: read({ text, source }), source }]]];
    }),
  );
}

/** What was given of the settings of `serve`. */
export interface GivenSettings {
  /** Each option's values. */
  readonly values: SourcedValues;
  /** The fixed answers, which only a file can give. */
  readonly overrides: readonly Override[];
}

/**
 * Reads a configuration file, YAML whose keys are flags without dashes in
 * front.
 *
 * @param path where the file is
 * @param readTextFile reads it
 * @param options the options it may give
 * @throws {UsageError} for a file that cannot be read, is no YAML or no
 * mapping, for an unknown key, and for a value of the wrong kind
 */
export function fromFile(
  path: string,
  readTextFile: ReadTextFile,
  options: readonly Option[],
): GivenSettings {
  const document = readYaml("configuration file", path, readTextFile);
  const names = options.map(({ name }) => name);
  document.keys([...names, OVERRIDES], "see --help");
  const values = new Map<string, readonly SourcedValue[]>();
  for (const option of options) {
    const given = document.key(option.name);
    if (given.value === undefined) continue;
    const texts = textsOf(given, option).map((text) => ({
      text: option.mayBeFile ? fileBeside(path, text) : text,
      source: given.place,
    }));
    values.set(option.name, texts);
  }
  return {
    values,
    overrides: parseOverrides(
      document.key(OVERRIDES),
      besides(path, readTextFile),
    ),
  };
}

/** The values as flags have them: of a mapping, LEFT=RIGHT each. */
function textsOf(
  given: YamlValue,
  { value: flag, repeatable }: Option,
): readonly string[] {
  const { value } = given;
  const parts: readonly (readonly [string, unknown])[] =
    repeatable && Array.isArray(value)
      ? value.map((part) => ["", part])
      : repeatable && isMapping(value)
      ? Object.entries(value).map(([left, right]) => [`${left}=`, right])
      : [["", value]];
  const types = flag === undefined ? ["boolean"] : ["string", "number"];
  if (
    parts.length === 0 ||
    parts.some(([, part]) => !types.includes(typeof part))
  ) {
    const one = flag ?? "true or false without quotes";
    given.refuse(repeatable ? `${one} or a list of them` : one);
  }
  return parts.map(([left, right]) => `${left}${right}`);
}
