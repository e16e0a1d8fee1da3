/**
 * What `--version` says.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };

/**
 * Names the program, its version, the registry that its imports came from, and
 * the runtime, on one line: `c2s-imds 0.1.0 (imports: JSR; Deno 2.9.6)`.
 */
export function versionLine(): string {
  // An import map, the offline one, puts a file in the place of the package.
  const jsr = import.meta.resolve("@std/yaml").startsWith("jsr:");
  return `c2s-imds ${config.version} ` +
    `(imports: ${jsr ? "JSR" : "npm"}; Deno ${Deno.version.deno})\n`;
}
