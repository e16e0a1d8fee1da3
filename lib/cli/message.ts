/**
 * Text for people, messages and tables: whatever foreign text one holds, it
 * stays one line, and nothing in it can steer a terminal.
 *
 * @module
 */
import { EXIT, type ExitCode } from "./command.ts";

/** Controls, line and paragraph separators, and marks that change direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Longer values are cut: a message is for reading. */
const LONGEST = 200;

/** More causes than this help nobody. */
const MOST_CAUSES = 5;

/** An error that decides on the exit code; its message is one line. */
export class ExitError extends Error {
  /** The exit code. */
  readonly exitCode: ExitCode;

  /**
   * Makes the error.
   *
   * @param exitCode the exit code
   * @param message the one line the user sees
   */
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/**
 * Wrong usage or configuration: the message names the flag, variable or key,
 * the value, and what was expected. Nothing was changed.
 */
export class UsageError extends ExitError {
  /**
   * Makes the error.
   *
   * @param message the one line the user sees
   */
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.USAGE, message, options);
  }
}

/**
 * Permissions or programs are missing: nothing was changed, and the state of
 * the node cannot be told.
 */
export class OutOfReachError extends ExitError {
  /**
   * Makes the error.
   *
   * @param message the one line the user sees
   */
  constructor(message: string) {
    super(EXIT.CANNOT_TELL, message);
  }
}

/**
 * Escapes what would break a line or could not be seen.
 *
 * @param text any text
 * @returns one line
 */
export function oneLine(text: string): string {
  return text.replaceAll(
    UNSEEN,
    (it) => `\\u{${it.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Puts a value in double quotes, escaped, and cut after 200 characters.
 *
 * @param value any text
 * @returns one line
 */
export function quote(value: string): string {
  const characters = [...value];
  const shown = characters.length > LONGEST
    ? `${characters.slice(0, LONGEST).join("")}…`
    : value;
  return oneLine(JSON.stringify(shown));
}

/** What an error says, its causes left out. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Renders an error with the causes that add something, without a stack.
 *
 * @param error anything that was thrown
 * @returns one line without a line feed
 */
export function errorLine(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  while (current !== undefined && parts.length < MOST_CAUSES) {
    const text = current instanceof Error
      ? current.message || current.name
      : String(current);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    // The message of a UsageError is complete without its cause.
    current = current instanceof Error && !(current instanceof UsageError)
      ? current.cause
      : undefined;
  }
  return oneLine(parts.join(": "));
}

/**
 * The error for a name that nobody knows, with the known one that is most like
 * it.
 *
 * @param what what it was given as, and the name
 * @param name the name
 * @param known the names there are
 * @param otherwise what to do where none is like it
 */
export function unknown(
  what: string,
  name: string,
  known: readonly string[],
  otherwise = "see --help",
): UsageError {
  const near = nearest(name, known);
  const hint = near === undefined ? otherwise : `did you mean ${quote(near)}?`;
  return new UsageError(`Unknown ${what}: ${hint}`);
}

/** With more letters that differ it is another word. */
const MOST_DIFFERING = 2;

/** The known name that is most like an unknown one, if there is one. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const word = plain(name);
  // It must be long enough to mean something.
  if (word.length < 3) return undefined;
  return known
    .map((one) => ({ one, letters: differing(word, plain(one)) }))
    .filter(({ one, letters }) =>
      letters <= MOST_DIFFERING && letters < plain(one).length / 2
    )
    .sort((one, other) => one.letters - other.letters)[0]?.one;
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

/**
 * How many letters are left between what two words have in common at their
 * beginning and end; 1 where the other one goes on.
 */
function differing(one: string, other: string): number {
  if (other.startsWith(one)) return 1;
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (one[head] === other[head]) head++;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) {
    tail++;
  }
  return Math.max(one.length, other.length) - head - tail;
}

/**
 * Renders rows as columns, each as wide as its widest cell, two spaces apart.
 * Widths are counted in characters, not in cells of a terminal: the tables hold
 * names in ASCII.
 *
 * @param rows the cells; foreign text is escaped
 * @returns lines, each with its line feed
 */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.map(oneLine));
  const width = (column: number) =>
    Math.max(...lines.map((row) => row[column]?.length ?? 0));
  return lines.map((row) => {
    const cells = row.map((cell, i) =>
      // The last cell needs no padding.
      i === row.length - 1 ? cell : cell.padEnd(width(i))
    );
    return `${cells.join("  ").trimEnd()}\n`;
  }).join("");
}

/**
 * Cuts the middle out of a text that is too long, where the least is lost:
 * names differ at their beginning and end.
 *
 * @param text one line
 * @param width the most characters to leave, `…` included
 */
export function cutMiddle(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return [
    ...characters.slice(0, head),
    "…",
    ...characters.slice(characters.length - (width - 1 - head)),
  ].join("");
}
