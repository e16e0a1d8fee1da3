/**
 * Options from a YAML file, whose keys are the flags without dashes in front.
 *
 * @module
 */
import type { Override } from "./profile.ts";
import type { Givens } from "./given.ts";
import type { Option } from "../cli/options.ts";
import { OVERRIDES, parseOverrides } from "./overrides.ts";
import { besides, fileBeside } from "./profiles.ts";
import { quote, UsageError } from "../cli/message.ts";
import {
  isMapping,
  kindOf,
  type ReadTextFile,
  readYaml,
  shown,
  unknownKey,
} from "./yaml_file.ts";
import { YamlValue } from "./yaml_value.ts";

export type { ReadTextFile } from "./yaml_file.ts";

/** What a configuration file says. */
export interface ConfigFile {
  /** The options it gives. */
  readonly givens: Givens;
  /** The fixed answers it gives, which no flag can. */
  readonly overrides: readonly Override[];
}

/** What a configuration file is called in an error. */
const WHAT = "configuration file";

/**
 * Reads a configuration file.
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
): ConfigFile {
  const document = readYaml(WHAT, path, readTextFile);
  if (document === null) return { givens: new Map(), overrides: [] };
  if (!isMapping(document)) {
    throw new UsageError(
      `Cannot read ${WHAT} ${quote(path)}: ` +
        `expected a mapping, found ${kindOf(document)}`,
    );
  }
  const { [OVERRIDES]: overrides, ...settings } = document;
  const names = [...options.map(({ name }) => name), OVERRIDES];
  const givens = new Map(
    Object.entries(settings).map(([key, value]) => {
      const option = options.find(({ name }) => name === key);
      if (option === undefined) {
        throw new UsageError(unknownKey(key, path, names));
      }
      const source = `key ${quote(key)} in ${quote(path)}`;
      const texts = textsOf(value, option) ?? wrongKind(value, option, source);
      const givens = option.mayBeFile
        ? texts.map((text) => fileBeside(path, text))
        : texts;
      return [key, givens.map((text) => ({ text, source }))] as const;
    }),
  );
  return {
    givens,
    overrides: parseOverrides(
      new YamlValue(path, overrides, { keys: [OVERRIDES] }),
      besides(path, readTextFile),
    ),
  };
}

/** The values as they would be written; `undefined` for the wrong kind. */
function textsOf(value: unknown, option: Option): string[] | undefined {
  if (option.value === undefined) {
    return typeof value === "boolean" ? [String(value)] : undefined;
  }
  if (option.repeatable && Array.isArray(value) && value.length > 0) {
    return allTexts(value);
  }
  if (option.pairs && isMapping(value)) {
    const entries = Object.entries(value);
    return allTexts(entries.map(([, right]) => right))
      ?.map((right, i) => `${entries[i]?.[0]}=${right}`);
  }
  return allTexts([value]);
}

function allTexts(values: readonly unknown[]): string[] | undefined {
  const scalars = values.filter((value) =>
    typeof value === "string" || typeof value === "number"
  );
  const whole = scalars.length > 0 && scalars.length === values.length;
  return whole ? scalars.map(String) : undefined;
}

/** What older YAML took for a switch. */
const TEXT_SWITCH = /^(?:yes|no|on|off|y|n)$/i;

function wrongKind(value: unknown, option: Option, source: string): never {
  const one = option.value ?? "true or false without quotes";
  const isText = option.value === undefined && typeof value === "string" &&
    TEXT_SWITCH.test(value);
  const expected = option.repeatable
    ? `${one} or a list of them`
    : isText
    ? `${one}, ${value} is text`
    : one;
  throw new UsageError(
    `Cannot use ${shown(value)} for ${source}: expected ${expected}`,
  );
}
