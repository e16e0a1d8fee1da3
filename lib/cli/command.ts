/**
 * What a subcommand is, what it is handed, and how it ends.
 *
 * @module
 */
import type { Option } from "./options.ts";
import type { Build } from "./version.ts";
import type { ReadTextFileOptions } from "../system/read_text_file.ts";

/** The exit codes, a contract that scripts rely on. */
export const EXIT = {
  /** All is well. */
  OK: 0,
  /** It failed, or `status` or `check` says no. */
  FAILED: 1,
  /** Wrong usage or configuration; nothing was changed. */
  USAGE: 2,
  /** `status`: the rule is there, but not as it should be. */
  DRIFT: 3,
  /** It cannot tell: no permission, no iptables. */
  CANNOT_TELL: 4,
} as const;

/** One of {@linkcode EXIT}. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** The outside world, handed to a subcommand so that tests can stand in. */
export interface Io {
  /** The environment it was started with. */
  readonly env: Readonly<Record<string, string>>;
  /** What this program was made from. */
  readonly build: Build;
  /** How wide the terminal is; `undefined` where standard output is none. */
  readonly columns: number | undefined;
  /** Writes text to standard output as it is. */
  stdout(text: string): void;
  /** Takes text for standard error as it is; never waits for its reader. */
  stderr(text: string): void;
  /** Waits, for a second at most, until all of that is written. */
  flush(): Promise<void>;
  /** Reads a whole text file. */
  readTextFile(path: string, options?: ReadTextFileOptions): string;
  /** Calls back at each such signal until the returned function is called. */
  onSignal(signal: Deno.Signal, handler: () => void): () => void;
}

/** One subcommand of `c2s-imds`. */
export interface Command {
  /** The word that calls it. */
  readonly name: string;
  /** One line for the list of subcommands. */
  readonly summary: string;
  /** The whole help text, ending in a line feed. */
  readonly help: string;
  /** Its options. */
  readonly options: readonly Option[];
  /** The words of which one must come first, if there are such. */
  readonly actions?: readonly string[];
  /**
   * Runs it.
   *
   * @param args the arguments after its name, `--help` never among them
   * @throws {UsageError} for wrong usage or configuration
   */
  run(args: readonly string[], io: Io): Promise<ExitCode>;
}

/** What the original's way of calling means: flags and no subcommand. */
export const DEFAULT_COMMAND = "serve";

/** A subcommand that is not loaded yet. */
export interface CommandEntry {
  /** The word that calls it. */
  readonly name: string;
  /** Whether it is not for people, and so not in the help. */
  readonly hidden?: boolean;
  /** Loads it. */
  load(): Promise<Command>;
}

/** Loads the subcommands that are for people. */
export function loadShown(
  entries: readonly CommandEntry[],
): Promise<readonly Command[]> {
  const shown = entries.filter(({ hidden }) => hidden !== true);
  return Promise.all(shown.map((entry) => entry.load()));
}
