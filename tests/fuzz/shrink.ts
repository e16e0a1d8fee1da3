/**
 * Finds a small text that fails like a large one.
 *
 * @module
 */

/** As often a failing case is tried again, in smaller forms. */
const TRIES = 200;

/** As long as that may take, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Cuts parts out of a text for as long as it still fails.
 *
 * @param text what fails
 * @param fails whether a smaller one still does
 */
export async function shrunk(
  text: string,
  fails: (text: string) => Promise<boolean>,
): Promise<string> {
  let least = text;
  let tries = 0;
  const until = performance.now() + PATIENCE_MS;
  for (let size = least.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < least.length;) {
      if (++tries > TRIES || performance.now() > until) return least;
      const smaller = least.slice(0, at) + least.slice(at + size);
      if (await fails(smaller)) least = smaller;
      else at += size;
    }
  }
  return least;
}
