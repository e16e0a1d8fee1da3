/**
 * Options as data: one table per subcommand serves parsing, the environment,
 * the configuration file and the help text alike.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { quote, UsageError } from "./message.ts";
import { nearest, unknown } from "./suggestion.ts";

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
 * given twice that may be given once
 */
export function parseOptions(
  args: readonly string[],
  options: readonly Option[],
): ParsedArguments {
  const known = [...options, HELP];
  const names = known.map(({ name }) => name);
  const words: string[] = [];
  const parsed = parseArgs(withValues(args, known), {
    string: names,
    collect: names,
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
    const values = (parsed[option.name] ?? []) as string[];
    if (values.length > 0) given.set(option.name, required(values, option));
  }
  return { given, words: [...words, ...parsed._.map(String)] };
}

/** The values of an option, of a switch the last. */
function required(
  values: readonly string[],
  { name, value, repeatable }: Option,
): readonly string[] {
  const isSwitch = value === undefined;
  const wrong = values.find((text) =>
    isSwitch ? text !== "true" && text !== "false" : text === ""
  );
  if (wrong !== undefined) {
    throw new UsageError(
      `Cannot use ${quote(wrong)} for --${name}: expected ${
        value ?? "no value, true or false"
      }`,
    );
  }
  if (isSwitch) return values.slice(-1);
  if (values.length > 1 && !repeatable) {
    throw new UsageError(
      `Cannot use --${name} ${values.length} times: expected it once`,
    );
  }
  return values;
}

/**
 * Gives a switch its value, and an option the negative number behind it, so
 * that who wrote that hears what the option expects.
 */
function withValues(
  args: readonly string[],
  options: readonly Option[],
): string[] {
  const end = args.indexOf("--");
  const last = end < 0 ? args.length : end;
  const optionAt = (i: number) =>
    i < last ? options.find(({ name }) => args[i] === `--${name}`) : undefined;
  const isNegative = (i: number) =>
    i < last && /^-\.?\d/.test(args[i] ?? "") &&
    optionAt(i - 1)?.value !== undefined;
  return args.flatMap((arg, i) => {
    if (isNegative(i)) return [];
    if (isNegative(i + 1)) return [`${arg}=${args[i + 1]}`];
    const option = optionAt(i);
    return option !== undefined && option.value === undefined
      ? [`${arg}=true`]
      : [arg];
  });
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

/**
 * Reads the one word that names an action.
 *
 * @param words the arguments that are no options
 * @param actions what there is
 * @param noun what an action is called
 * @throws {UsageError} when there is none, another or one more
 */
export function parseAction<Action extends string>(
  words: readonly string[],
  actions: readonly Action[],
  noun = "action",
): Action {
  const [word, extra] = words;
  const action = actions.find((one) => one === word);
  if (action === undefined) {
    throw new UsageError(
      `${
        word === undefined ? `No ${noun}` : `Unknown ${noun} ${quote(word)}`
      }: expected ${actions.join(", ")}`,
    );
  }
  if (extra !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(extra)}: see --help`);
  }
  return action;
}
