/**
 * Options as data: one table per subcommand serves parsing, the environment,
 * the configuration file and the help text alike.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { quote, unknown, UsageError } from "./message.ts";

/** One option of a subcommand. */
export interface Option {
  /** Its long name without dashes, in kebab case. */
  readonly name: string;
  /** What its value is called in the help; without one it is a switch. */
  readonly value?: string;
  /** Whether it may be given more than once, in a file as a list or mapping. */
  readonly repeatable?: boolean;
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

/**
 * Parses the arguments of a subcommand against its options.
 *
 * @param args the arguments after the subcommand's name
 * @param options the options it knows
 * @throws {UsageError} for an unknown option, a missing value, or an option
 * given twice that may be given once
 */
export function parseOptions(
  args: readonly string[],
  options: readonly Option[],
): ParsedArguments {
  const names = options.map(({ name }) => name);
  const words: string[] = [];
  const parsed = parseArgs(withValues(args, options), {
    string: names,
    collect: names,
    unknown: (arg: string) => {
      if (arg.startsWith("-") && arg !== "-") {
        const written = arg.replace(/=.*$/s, "");
        const known = names.map((name) => `--${name}`);
        throw unknown(`option ${quote(written)}`, written, known);
      }
      words.push(arg);
      return false;
    },
  });
  const given = new Map<string, readonly string[]>();
  for (const option of options) {
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
  const isWrong = value === undefined
    ? (text: string) => text !== "true" && text !== "false"
    : (text: string) => text === "";
  const wrong = values.find(isWrong);
  if (wrong !== undefined) {
    const expected = value ?? "no value, true or false";
    throw new UsageError(
      `Cannot use ${quote(wrong)} for --${name}: expected ${expected}`,
    );
  }
  if (value === undefined) return values.slice(-1);
  if (values.length > 1 && !repeatable) {
    throw new UsageError(
      `Cannot use --${name} ${values.length} times: expected it once`,
    );
  }
  return values;
}

/**
 * Gives a switch its value, `--iptables` true and `--no-iptables` false, so
 * that it does not take the next argument for one.
 */
function withValues(
  args: readonly string[],
  options: readonly Option[],
): string[] {
  const switches = options.filter(({ value }) => value === undefined);
  const values = new Map(switches.flatMap(({ name }) => [
    [`--${name}`, `--${name}=true`],
    [`--no-${name}`, `--${name}=false`],
  ]));
  const end = args.indexOf("--");
  return args.map((arg, i) =>
    end < 0 || i < end ? values.get(arg) ?? arg : arg
  );
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
  const heads = options.map(({ name, value = "" }) =>
    `  --${name} ${value}`.trimEnd()
  );
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return options.map(({ help, fallback, repeatable }, i) => {
    const line = (heads[i] ?? "").padEnd(width) + help;
    const notes = [
      ...fallback === undefined ? [] : [`default ${fallback}`],
      ...repeatable ? ["repeatable"] : [],
    ].join(", ");
    if (notes === "") return line;
    const fits = line.length + notes.length + 3 <= COLUMNS;
    return `${line}${fits ? " " : `\n${" ".repeat(width)}`}(${notes})`;
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
