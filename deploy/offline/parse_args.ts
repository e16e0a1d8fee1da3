/**
 * The part of `@std/cli/parse-args` that this program uses, over npm's
 * minimist, from which it descends.
 *
 * @module
 */
// @ts-types="@types/minimist"
import minimist from "minimist";

/** The options of {@linkcode parseArgs} that this program uses. */
export interface ParseOptions {
  /** Flags that take no value. */
  boolean?: readonly string[];
  /** Flags that take a value. */
  string?: readonly string[];
  /** Flags whose values are gathered in an array. */
  collect?: readonly string[];
  /** Called with each argument that no option names; `false` drops it. */
  unknown?: (arg: string) => unknown;
}

/** Parses command-line arguments. */
export function parseArgs(
  args: readonly string[],
  options: ParseOptions = {},
): { _: Array<string | number>; [name: string]: unknown } {
  const { boolean = [], string = [], collect = [] } = options;
  const unknown = options.unknown ?? (() => true);
  const end = args.indexOf("--");
  const flags = end < 0 ? args : args.slice(0, end);
  // minimist negates every flag, @std/cli only those declared negatable; and
  // it trips over names that every object has, such as "constructor".
  const foreign = flags.filter((arg) =>
    /^--no-[^=]+$/.test(arg) ||
    arg.startsWith("--") && arg.slice(2).replace(/=.*$/s, "") in {}
  );
  const parsed = minimist(
    args.filter((arg, i) => !(foreign.includes(arg) && i < flags.length)),
    {
      boolean: [...boolean],
      string: [...string],
      unknown: (arg) => unknown(arg) !== false,
    },
  );
  for (const arg of foreign) {
    if (unknown(arg) !== false) parsed[arg.slice(2)] = true;
  }
  for (const name of [...string, ...boolean]) {
    const value = parsed[name];
    if (collect.includes(name)) {
      parsed[name] = value === undefined ? [] : [value].flat();
    } else if (Array.isArray(value)) {
      parsed[name] = value.at(-1);
    }
  }
  return parsed;
}
