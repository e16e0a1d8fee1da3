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
  /** The values there are, where they are few; completions offer them. */
  readonly choices?: readonly string[];
  /** Whether it may be given more than once, in a file as a list or mapping. */
  readonly repeatable?: boolean;
  /** Whether it may name a file; one that a file names is relative to that. */
  readonly mayBeFile?: boolean;
  /** One line of help. */
  readonly help: string;
  /** The actions that take it, of a subcommand that has some; all else. */
  readonly of?: readonly string[];
  /** What holds when it is not given, as the help shows it. */
  readonly fallback?: string;
}

/** One value and where it came from, so that an error can say what to change. */
export interface SourcedValue {
  /** The value as it was written. */
  readonly text: string;
  /** `--timeout`, `C2S_IMDS_TIMEOUT` or `key "timeout" in "c2s-imds.yaml"`. */
  readonly source: string;
}

/** Every value of an option, by the option's name. */
export type SourcedValues = ReadonlyMap<string, readonly SourcedValue[]>;

/**
 * Refuses a value.
 *
 * @param value the value
 * @param expected what would have been right, as it follows "expected"
 * @throws {UsageError} always: `Cannot use "0" for --timeout: expected …`
 */
export function refuse(
  { text, source }: SourcedValue,
  expected: string,
): never {
  throw new UsageError(
    `Cannot use ${quote(text)} for ${source}: expected ${expected}`,
  );
}

/** What the arguments of a subcommand came to. */
export interface Given {
  /** Every option given; switches carry `"true"` or `"false"`. */
  readonly values: SourcedValues;
  /** The arguments that are no options. */
  readonly words: readonly string[];
  /** The value of an option, else its default. */
  value(name: string): SourcedValue;
  /** Whether a switch is on. */
  isSet(name: string): boolean;
}

/** Parses the arguments of a subcommand against its options. */
function parseOptions(
  args: readonly string[],
  options: readonly Option[],
): Given {
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
  const values = new Map<string, readonly SourcedValue[]>();
  for (const option of options) {
    const texts = (parsed[option.name] ?? []) as string[];
    if (texts.length > 0) values.set(option.name, required(texts, option));
  }
  const fallbacks = new Map(options.map((it) => [it.name, it.fallback]));
  return {
    values,
    words: [...words, ...parsed._.map(String)],
    value: (name) =>
      values.get(name)?.[0] ??
        { text: fallbacks.get(name) ?? "", source: `--${name}` },
    isSet: (name) => values.get(name)?.[0]?.text === "true",
  };
}

/**
 * Parses the arguments of a subcommand that takes nothing but options.
 *
 * @param args the arguments after the subcommand's name
 * @param options the options it knows
 * @throws {UsageError} for an unknown option, a missing value, an option given
 * twice that may be given once, and any other argument
 */
export function parseFlags(
  args: readonly string[],
  options: readonly Option[],
): Given {
  const given = parseOptions(args, options);
  refuseWord(given.words[0]);
  return given;
}

/**
 * Parses the arguments of a subcommand whose first word names an action.
 *
 * @param args the arguments after the subcommand's name
 * @param options the options it knows
 * @param actions what there is
 * @param noun what an action is called
 * @param withOperand the action that takes one more word
 * @throws {UsageError} for options as {@linkcode parseFlags}, for no action,
 * another or a word too many, and for an option of other actions
 */
export function parseAction<Action extends string>(
  args: readonly string[],
  options: readonly Option[],
  actions: readonly Action[],
  noun = "action",
  withOperand?: Action,
): Given & { readonly action: Action; readonly operand: string | undefined } {
  const given = parseOptions(args, options);
  const [word, operand, extra] = given.words;
  const action = actions.find((one) => one === word);
  if (action === undefined) {
    const found = word === undefined
      ? `No ${noun}`
      : `Unknown ${noun} ${quote(word)}`;
    throw new UsageError(`${found}: expected ${actions.join(", ")}`);
  }
  refuseWord(action === withOperand ? extra : operand);
  for (const { name, of } of options) {
    if (of?.includes(action) ?? true) continue;
    if (!given.values.has(name)) continue;
    throw new UsageError(
      `Cannot use --${name} with ${action}: it is for ${of?.join(" and ")}`,
    );
  }
  return { ...given, action, operand };
}

function refuseWord(word: string | undefined): void {
  if (word === undefined) return;
  throw new UsageError(`Unexpected argument ${quote(word)}: see --help`);
}

/** The values of an option, of a switch the last. */
function required(
  texts: readonly string[],
  { name, value, repeatable }: Option,
): readonly SourcedValue[] {
  const values = texts.map((text) => ({ text, source: `--${name}` }));
  const isRight = value === undefined ? /^(?:true|false)$/ : /^[^]/;
  const wrong = values.find(({ text }) => !isRight.test(text));
  if (wrong !== undefined) refuse(wrong, value ?? "no value, true or false");
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
