/**
 * Suggestions for misspelled names.
 *
 * @module
 */
import { UsageError } from "./message.ts";

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

/** With more edits it is another word. */
const MOST_EDITS = 2;

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

/** How many letters to add, drop or change to make one word the other. */
function editDistance(one: string, other: string): number {
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

/**
 * Finds the known name that is most like an unknown one.
 *
 * @param name what was written
 * @param known what there is
 * @returns `undefined` where none is like it
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
      return { candidate, distance: part ? 1 : editDistance(word, other) };
    })
    .filter(({ candidate, distance }) =>
      distance <= MOST_EDITS && distance < plain(candidate).length / 2
    )
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}
