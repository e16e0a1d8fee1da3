/**
 * Options from the arguments of a subcommand.
 *
 * @module
 */
import type { Givens } from "./given.ts";
import { type Option, parseOptions } from "../cli/options.ts";
import { quote, UsageError } from "../cli/message.ts";

/**
 * Reads the flags of a subcommand that takes nothing but flags.
 *
 * @param args the arguments after the subcommand's name
 * @param options the flags it knows
 * @throws {UsageError} for an unknown flag, a missing value, or anything that
 * is no flag
 */
export function fromFlags(
  args: readonly string[],
  options: readonly Option[],
): Givens {
  const { given, words } = parseOptions(args, options);
  const [word] = words;
  if (word !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(word)}: see --help`);
  }
  return new Map(
    [...given].map(([name, texts]) => [
      name,
      texts.map((text) => ({ text, source: `--${name}` })),
    ]),
  );
}
