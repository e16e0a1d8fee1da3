/**
 * Names the files of a bundle. The bundler puts a hash of where the sources
 * lie into the names, and so into every file: one commit would make another
 * executable in every folder.
 *
 * @module
 */

/** As the bundler names them: `serve-EWZS4ZU5.js`. */
const CHUNK = /[\w-]+-[A-Z0-9]{8}\.js/g;

/**
 * Numbers chunks in the order in which they are mentioned, from the entry on.
 *
 * @param entry the name of the file to start
 * @param textOf what a file holds; `undefined` where there is none of that name
 * @returns what each file holds under its new name, the entry under its own
 */
export function numberChunks(
  entry: string,
  textOf: (name: string) => string | undefined,
): ReadonlyMap<string, string> {
  const names = new Map([[entry, entry]]);
  const texts = new Map<string, string>();
  // What a file mentions is put at the end, and so has its turn.
  for (const name of names.keys()) {
    const text = textOf(name) ?? "";
    texts.set(name, text);
    for (const [mentioned] of text.matchAll(CHUNK)) {
      if (names.has(mentioned) || textOf(mentioned) === undefined) continue;
      names.set(mentioned, `${names.size}.js`);
    }
  }
  return new Map(
    Array.from(texts, ([name, text]) => [
      names.get(name) ?? name,
      text.replaceAll(CHUNK, (mentioned) => names.get(mentioned) ?? mentioned),
    ]),
  );
}
