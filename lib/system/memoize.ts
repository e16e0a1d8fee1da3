/**
 * What is found out once for many: a node asks for the same few documents again
 * and again, and anybody may ask for the state of things as often as they like.
 *
 * @module
 */

/** How many results are kept; then all are dropped at once. */
const MAX_RESULTS = 512;

/** The longest input whose result is kept; real targets have 30 to 100. */
const MAX_LENGTH = 256;

/**
 * Keeps the results of a pure function of a short string. `memoize()` of
 * `@std/cache` is no alternative: that package is not stable, and its cache
 * knows no bound on the length of what a client sent.
 *
 * @param decide the function
 * @returns the same function, faster on inputs it has had before
 */
export function memoize<T>(
  decide: (input: string) => T,
): (input: string) => T {
  const results = new Map<string, T>();
  return (input) => {
    const known = results.get(input);
    if (known !== undefined) return known;
    const result = decide(input);
    if (input.length > MAX_LENGTH) return result;
    if (results.size >= MAX_RESULTS) results.clear();
    results.set(input, result);
    return result;
  };
}

/**
 * Finds something out at most once in a while.
 *
 * @param ms how long what was found holds from the moment it was asked for, in
 * milliseconds
 * @param find finds it out, however long that takes
 * @returns what everybody who asks meanwhile gets
 */
export function atMostEvery<T>(
  ms: number,
  find: () => Promise<T>,
): () => Promise<T> {
  let found: Promise<T>;
  let until = -Infinity;
  return () => {
    const now = performance.now();
    if (now >= until) {
      until = Infinity;
      found = find().finally(() => until = now + ms);
    }
    return found;
  };
}
