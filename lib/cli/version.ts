/**
 * What `--version` says.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };

/** What this program was made from. */
export interface Build {
  /** The registry its imports came from. */
  readonly imports: "JSR" | "npm";
  /** The commit, abbreviated, with `-dirty` where files were changed. */
  readonly commit?: string;
}

/**
 * Whether the packages came from npm: `deploy/offline` has a file of its own in
 * the place of each of JSR's. True or false of a program that runs from source
 * only.
 */
export function importsFromNpm(): boolean {
  const adapter = new URL("../../deploy/offline/yaml.ts", import.meta.url);
  return import.meta.resolve("@std/yaml") === adapter.href;
}

/** The build of a program that runs from source. */
export function sourceBuild(): Build {
  return { imports: importsFromNpm() ? "npm" : "JSR" };
}

/**
 * Names the program, its version, what it was made from, and the runtime, on
 * one line: `c2s-imds 0.2.0 (commit 1a2b3c4d5e6f, imports: JSR; Deno 2.9.6)`.
 *
 * @param build what it was made from
 */
export function versionLine({ imports, commit }: Build): string {
  const made = commit === undefined ? "" : `commit ${commit}, `;
  return `c2s-imds ${config.version} ` +
    `(${made}imports: ${imports}; Deno ${Deno.version.deno})\n`;
}

/**
 * The same as labels of a metric.
 *
 * @param build what it was made from
 */
export function buildLabels(
  { imports, commit = "" }: Build,
): Readonly<Record<string, string>> {
  const { version } = config;
  return { version, commit, imports, deno: Deno.version.deno };
}
