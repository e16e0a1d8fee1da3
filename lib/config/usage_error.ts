/**
 * Wrong usage, said in one line: whatever text of others it holds, it stays one
 * line, and nothing in it can steer a terminal.
 *
 * @module
 */

/**
 * Wrong usage or configuration: the message is one line that names the flag,
 * variable or key, the value, and what was expected. Ends with exit code 2,
 * before anything was changed.
 */
export class UsageError extends Error {
  /**
   * Makes the error.
   *
   * @param message the one line the user sees
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** Controls, line and paragraph separators, and marks that change direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Longer values are cut: a message is for reading. */
const LONGEST = 200;

/**
 * Escapes what would break a line or could not be seen.
 *
 * @param text any text
 * @returns one line
 */
export function oneLine(text: string): string {
  return text.replaceAll(
    UNSEEN,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
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

/**
 * The error for a name that nobody knows.
 *
 * @param what what it was given as, and the name
 * @param near how the nearest known name is written, if there is one
 * @param otherwise what to do without one
 */
export function unknown(
  what: string,
  near: string | undefined,
  otherwise = "see --help",
): UsageError {
  const hint = near === undefined ? otherwise : `did you mean ${near}?`;
  return new UsageError(`Unknown ${what}: ${hint}`);
}

/** With more letters wrong it is taken for another word. */
const MOST_SLIPS = 2;

/**
 * Finds the known name that is nearest to an unknown one.
 *
 * @param name what was written
 * @param known what there is
 * @returns `undefined` where nothing is near
 */
export function nearest(
  name: string,
  known: readonly string[],
): string | undefined {
  const word = plain(name);
  // Long enough to mean something, short enough to compare.
  if (word.length < 3 || word.length > 40) return undefined;
  const ranked = known
    .map((candidate) => {
      const other = plain(candidate);
      const part = other.startsWith(word) || word.startsWith(other);
      return { candidate, far: part ? 1 : slips(word, other) };
    })
    .filter(({ candidate, far }) =>
      far <= MOST_SLIPS && far < plain(candidate).length / 2
    )
    .sort((one, other) => one.far - other.far);
  return ranked[0]?.candidate;
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

/** How many letters to add, drop or change to make one word the other. */
function slips(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...other].entries()) {
      next.push(Math.min(
        (next[j] ?? 0) + 1,
        (row[j + 1] ?? 0) + 1,
        (row[j] ?? 0) + (letter === right ? 0 : 1),
      ));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
