/**
 * The one way this room reaches the outside: a runner of short commands,
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
}

/** Runs a command by name and waits for its end. */
export type Runner = (
  argv: readonly [string, ...string[]],
  options?: RunOptions,
) => Promise<RunResult | NotRun>;

/** How long iptables waits for the xtables lock, in seconds, as `-w` takes it. */
export const LOCK_WAIT_S = 5;

/**
 * How long one command may take: the wait for the lock and as much again,
 * because some versions of iptables wait for ever.
 */
export const TIME_LIMIT_MS = LOCK_WAIT_S * 2 * 1_000;
