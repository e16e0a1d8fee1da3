/**
 * Options as data: one table per subcommand serves parsing, the environment,
 * the configuration file and the help text alike.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { SourcedValues } from "./sourced_value.ts";
import { nearest, quote, unknown, UsageError } from "./usage_error.ts";

/** One option of a subcommand. */
export interface Option {
  /** Its long name without dashes, in kebab case. */
  readonly name: string;
  /** What its value is called in the help; without one it is a switch. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly repeatable?: boolean;
  /** Whether a configuration file may hold it as a mapping of left to right. */
  readonly pairs?: boolean;
  /** Whether it may name a file; one that a file names is relative to that. */
  readonly mayBeFile?: boolean;
  /** One line of help. */
  readonly help: string;
  /** What holds when it is not given, as the help shows it. */
  readonly fallback?: string;
}

/** What the arguments of a subcommand came to. */
export interface ParsedArguments {
  /** Every option given, by name; switches carry `"true"` or `"false"`. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** The arguments that are no options. */
  readonly words: readonly string[];
}

/** The switch every subcommand understands. */
export const HELP: Option = { name: "help", help: "Shows this help" };

/**
 * Parses the arguments of a subcommand against its options.
 *
 * @param args the arguments after the subcommand's name
 * @param options the options it knows; `--help` is always known
 * @throws {UsageError} for an unknown option, a missing value, or an option
 * given twice that may stand once
 */
export function parseOptions(
  args: readonly string[],
  options: readonly Option[],
): ParsedArguments {
  const known = [...options, HELP];
  const valued = known.filter((o) => o.value !== undefined).map((o) => o.name);
  const switches = known.filter((o) => o.value === undefined).map((o) =>
    o.name
  );
  const words: string[] = [];
  const parsed = parseArgs(withNegativeValues(args, valued), {
    string: valued,
    collect: valued,
    boolean: switches,
    unknown: (arg: string) => {
      if (arg.startsWith("-") && arg !== "-") {
        throw unknownOption(arg, known);
      }
      words.push(arg);
      return false;
    },
  });
  const given = new Map<string, readonly string[]>();
  for (const option of known) {
    if (option.value === undefined) {
      const value = switchValue(args, option.name, parsed[option.name]);
      if (value !== undefined) given.set(option.name, [value]);
      continue;
    }
    const values = (parsed[option.name] ?? []) as string[];
    if (values.length === 0) continue;
    if (values.includes("")) {
      throw new UsageError(
        `Cannot use "" for --${option.name}: expected ${option.value}`,
      );
    }
    if (values.length > 1 && !option.repeatable) {
      throw new UsageError(
        `Cannot use --${option.name} ${values.length} times: expected it once`,
      );
    }
    given.set(option.name, values);
  }
  return { given, words: [...words, ...parsed._.map(String)] };
}

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
): SourcedValues {
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

/**
 * A negative number is the value of the option before it, not an option, so
 * that who wrote it hears what that option expects.
 */
function withNegativeValues(
  args: readonly string[],
  valued: readonly string[],
): string[] {
  const end = args.indexOf("--");
  const last = end < 0 ? args.length : end;
  const isValue = (i: number) =>
    i < last && /^-\.?\d/.test(args[i] ?? "") &&
    valued.some((name) => args[i - 1] === `--${name}`);
  return args.flatMap((arg, i) =>
    isValue(i) ? [] : isValue(i + 1) ? [`${arg}=${args[i + 1]}`] : [arg]
  );
}

/** A switch counts as given only where an argument names it. */
function switchValue(
  args: readonly string[],
  name: string,
  value: unknown,
): string | undefined {
  const end = args.indexOf("--");
  const flags = end < 0 ? args : args.slice(0, end);
  const own = flags.filter((arg) =>
    arg === `--${name}` || arg.startsWith(`--${name}=`)
  );
  for (const arg of own) {
    const text = arg.slice(name.length + 3);
    if (arg.includes("=") && text !== "true" && text !== "false") {
      throw new UsageError(
        `Cannot use ${
          quote(text)
        } for --${name}: expected no value, true or false`,
      );
    }
  }
  return own.length === 0 ? undefined : String(value);
}

function unknownOption(arg: string, known: readonly Option[]): UsageError {
  const written = arg.replace(/=.*$/s, "");
  const near = nearest(written, known.map((option) => option.name));
  return unknown(`option ${quote(written)}`, near && `--${near}`);
}

/** The columns of a terminal that shows a help text. */
const COLUMNS = 80;

/**
 * Renders options for a help text in two columns; notes that do not fit stand
 * on a line of their own.
 *
 * @param options the options to show
 */
export function renderOptions(options: readonly Option[]): string {
  const heads = options.map((o) =>
    `  --${o.name}${o.value === undefined ? "" : ` ${o.value}`}`
  );
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return options.flatMap((option, i) => {
    const line = (heads[i] ?? "").padEnd(width) + option.help;
    const notes = [
      option.fallback === undefined ? "" : `default ${option.fallback}`,
      option.repeatable ? "repeatable" : "",
    ].filter((note) => note !== "").join(", ");
    if (notes === "") return [line];
    if (line.length + notes.length + 3 <= COLUMNS) {
      return [`${line} (${notes})`];
    }
    return [line, `${" ".repeat(width)}(${notes})`];
  }).join("\n");
}
