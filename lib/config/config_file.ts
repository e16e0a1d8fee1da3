/**
 * Options from a YAML file, whose keys are the flags without dashes in front.
 *
 * @module
 */
import type { Option } from "../cli/options.ts";
import { OVERRIDES, parseOverrides } from "./overrides.ts";
import type { Override } from "./profile.ts";
import { besides, fileBeside } from "./profiles.ts";
import type { SourcedValue, SourcedValues } from "./sourced_value.ts";
import {
  isMapping,
  type ReadTextFile,
  readYaml,
  type YamlValue,
} from "./yaml.ts";

/** What a configuration file says. */
export interface ConfigFile {
  /** The options it gives. */
  readonly values: SourcedValues;
  /** The fixed answers it gives, which no flag can. */
  readonly overrides: readonly Override[];
}

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
  const document = readYaml("configuration file", path, readTextFile);
  const names = options.map(({ name }) => name);
  document.keys([...names, OVERRIDES], "see --help");
  const values = new Map<string, readonly SourcedValue[]>();
  for (const option of options) {
    const given = document.key(option.name);
    if (given.value === undefined) continue;
    const texts = textsOf(given.value, option) ?? refuseKind(given, option);
    values.set(
      option.name,
      texts.map((text) => ({
        text: option.mayBeFile ? fileBeside(path, text) : text,
        source: given.place,
      })),
    );
  }
  return {
    values,
    overrides: parseOverrides(
      document.key(OVERRIDES),
      besides(path, readTextFile),
    ),
  };
}

/** The values as they would be written; `undefined` for the wrong kind. */
function textsOf(value: unknown, option: Option): string[] | undefined {
  if (option.value === undefined) {
    return typeof value === "boolean" ? [String(value)] : undefined;
  }
  if (option.repeatable && Array.isArray(value)) return allTexts(value);
  if (option.pairs && isMapping(value)) {
    const left = Object.keys(value);
    return allTexts(Object.values(value))
      ?.map((right, i) => `${left[i]}=${right}`);
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

function refuseKind(given: YamlValue, option: Option): never {
  const { value } = given;
  if (option.repeatable) given.refuse(`${option.value} or a list of them`);
  if (option.value !== undefined) given.refuse(option.value);
  const isText = typeof value === "string" && TEXT_SWITCH.test(value);
  return given.refuse(
    `true or false without quotes${isText ? `, ${value} is text` : ""}`,
  );
}
