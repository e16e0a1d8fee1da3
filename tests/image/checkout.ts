/**
 * A checkout of the same sources elsewhere, with one commit that can be
 * released and an empty cache, gone at disposal.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { REPOSITORY } from "../helpers/files.ts";

/** What building needs, from the repository's folder. */
const SOURCES = [
  ".deno-version",
  ".gitignore",
  "CHANGELOG.md",
  "LICENSE",
  "THIRD_PARTY_LICENSES",
  "deno.json",
  "deno.lock",
  "deploy",
  "lib",
  "main.ts",
];

/** How a command ended. */
export interface Ended {
  /** Its exit code. */
  readonly code: number;
  /** Its whole standard output and error. */
  readonly text: string;
}

/** A checkout. */
export interface Checkout extends AsyncDisposable {
  /** Its folder. */
  readonly folder: string;
  /** The newest commit, abbreviated. */
  commit(): Promise<string>;
  /** Commits what was changed there. */
  save(): Promise<void>;
  /** Runs a task of deno.json there. */
  task(
    name: string,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Ended>;
}

/** Runs a command to its end. */
export async function run(
  [name = "", ...args]: readonly string[],
  options: Deno.CommandOptions,
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(name, {
    ...options,
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Makes a checkout, dated in the past: each has the same commit. */
export async function createCheckout(): Promise<Checkout> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-checkout-" });
  const env = {
    // Where git does not take it for a change.
    DENO_DIR: `${folder}/.git/cache`,
    NO_COLOR: "1",
    GIT_AUTHOR_NAME: "test",
    GIT_AUTHOR_EMAIL: "test@example.com",
    GIT_AUTHOR_DATE: "2024-05-06T07:08:09Z",
    GIT_COMMITTER_NAME: "test",
    GIT_COMMITTER_EMAIL: "test@example.com",
    GIT_COMMITTER_DATE: "2024-05-06T07:08:09Z",
  };
  const must = async (...argv: readonly string[]) => {
    const { code, text } = await run(argv, { cwd: folder, env });
    assertEquals(code, 0, `${argv.join(" ")}: ${text}`);
    return text.trim();
  };
  const save = async () => {
    await must("git", "add", "--all");
    await must("git", "commit", "--quiet", "--message=test: build");
  };
  const sources = SOURCES.map((path) => new URL(path, REPOSITORY).pathname);
  await must("cp", "--recursive", ...sources, folder);
  await Deno.writeTextFile(
    `${folder}/CHANGELOG.md`,
    `\n## ${config.version}\n\n- All.\n`,
    { append: true },
  );
  await must("git", "init", "--quiet");
  await save();
  return {
    folder,
    commit: () => must("git", "rev-parse", "--short=12", "HEAD"),
    save,
    task: (name, args = [], more = {}) =>
      run([Deno.execPath(), "task", "--quiet", name, ...args], {
        cwd: folder,
        env: { ...env, ...more },
      }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
