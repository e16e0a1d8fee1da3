/**
 * Options from the environment, `C2S_IMDS_TIMEOUT` for `--timeout`.
 *
 * @module
 */
import type { Option } from "../cli/options.ts";
import type { SourcedValue, SourcedValues } from "./sourced_value.ts";
import { quote, UsageError } from "../cli/message.ts";
import { nearest, unknown } from "../cli/suggestion.ts";

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

function variableOf({ name }: Option): string {
  return PREFIX + name.replaceAll("-", "_").toUpperCase();
}

/**
 * Reads the variables of some options. What may be given more than once is a
 * list, separated by commas or white space.
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
  const known = new Map(options.map((option) => [variableOf(option), option]));
  const values = new Map<string, readonly SourcedValue[]>();
  for (const [source, value] of Object.entries(env)) {
    if (!source.startsWith(PREFIX)) continue;
    const option = known.get(source);
    if (option === undefined) {
      if (SERVICE_LINK.test(source) || SERVICE_URL.test(value)) continue;
      throw unknownVariable(source, [...known.keys()]);
    }
    const texts = option.repeatable ? value.split(/[\s,]+/) : [value];
    const filled = texts.filter((text) => text !== "");
    if (filled.length === 0) {
      throw new UsageError(
        `Cannot use "" for ${source}: expected ${option.value ?? "true"}`,
      );
    }
    values.set(option.name, filled.map((text) => ({ text, source })));
  }
  return values;
}

function unknownVariable(name: string, known: readonly string[]): UsageError {
  const words = known.map((variable) => variable.slice(PREFIX.length));
  const near = nearest(name.slice(PREFIX.length), words);
  return unknown(`variable ${quote(name)}`, near && PREFIX + near);
}
