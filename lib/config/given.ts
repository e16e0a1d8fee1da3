/**
 * A value as somebody gave it, which remembers from where, so that an error
 * can say what to change.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";

/** One value and where it came from. */
export interface Given {
  /** The value as it was written. */
  readonly text: string;
  /** `--timeout`, `C2S_IMDS_TIMEOUT` or `key "timeout" in "c2s-imds.yaml"`. */
  readonly source: string;
}

/** Every value of an option, by the option's name. */
export type Givens = ReadonlyMap<string, readonly Given[]>;

/**
 * Refuses a value.
 *
 * @param given the value
 * @param expected what would have been right, as it follows "expected"
 * @throws {UsageError} always: `Cannot use "0" for --timeout: expected …`
 */
export function refuse(given: Given, expected: string): never {
  throw new UsageError(
    `Cannot use ${quote(given.text)} for ${given.source}: expected ${expected}`,
  );
}
