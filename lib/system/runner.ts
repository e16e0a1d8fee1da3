/**
 * The one way to the programs of this machine: a runner of short commands,
 * handed in so that tests can answer in its place.
 *
 * @module
 */

/** How a command ended. */
export interface RunResult {
  /** Its exit code. */
  readonly code: number;
  /** All it wrote to standard output. */
  readonly stdout: string;
  /** All it wrote to standard error. */
  readonly stderr: string;
}

/** Why a command has no exit code: not on PATH, or stopped at its limit. */
export type NotRun = "not found" | "timeout";

/** What a command is given besides its arguments. */
export interface RunOptions {
  /** Fed to its standard input; without it the input is empty. */
  readonly stdin?: string;
  /** How long it may take, in milliseconds; {@linkcode TIME_LIMIT_MS}. */
  readonly timeoutMs?: number;
  /** Aborted, it is stopped as at its limit. */
  readonly signal?: AbortSignal;
}

/** Runs a command by name and waits for its end. */
export type Runner = (
  argv: readonly [string, ...string[]],
  options?: RunOptions,
) => Promise<RunResult | NotRun>;

/**
 * How long one command may take, in milliseconds: twice the longest that one
 * is told to wait itself, which is iptables for its lock.
 */
export const TIME_LIMIT_MS = 10_000;
