/**
 * Which import map this program was loaded under.
 *
 * @module
 */

/**
 * Whether the packages came from npm: `deploy/offline` has a file of its own in
 * the place of each of JSR's. True or false of a program that runs from source
 * only.
 */
export function importsFromNpm(): boolean {
  const adapter = new URL("../../deploy/offline/yaml.ts", import.meta.url);
  return import.meta.resolve("@std/yaml") === adapter.href;
}
