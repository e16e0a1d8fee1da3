/**
 * The word after a subcommand that says what to do.
 *
 * @module
 */
import { quote, UsageError } from "../config/usage_error.ts";

/**
 * Reads the one word that names an action.
 *
 * @param words the arguments that are no options
 * @param actions what there is
 * @param noun what an action is called
 * @throws {UsageError} when there is none, another or one more
 */
export function parseAction<Action extends string>(
  words: readonly string[],
  actions: readonly Action[],
  noun = "action",
): Action {
  const [word, extra] = words;
  const action = actions.find((one) => one === word);
  if (action === undefined) {
    throw new UsageError(
      `${
        word === undefined ? `No ${noun}` : `Unknown ${noun} ${quote(word)}`
      }: expected ${actions.join(", ")}`,
    );
  }
  if (extra !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(extra)}: see --help`);
  }
  return action;
}
