/**
 * Which of the two import maps this program was loaded under.
 *
 * @module
 */

/**
 * Whether the packages came from npm, as `deploy/offline` maps them, rather
 * than from JSR: there a file of this repository stands in a package's place.
 * True or false of a program that runs from source only.
 */
export function importsFromNpm(): boolean {
  return import.meta.resolve("@std/yaml").startsWith("file:");
}
