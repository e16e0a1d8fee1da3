/**
 * An error as the one line a user sees.
 *
 * @module
 */
import { oneLine, UsageError } from "../config/usage_error.ts";

/** A chain of causes longer than this tells nobody anything more. */
const MOST_CAUSES = 5;

/**
 * Renders an error with the causes that add something, without a stack.
 *
 * @param error anything that was thrown
 * @returns one line without a line feed
 */
export function errorLine(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  while (current !== undefined && parts.length < MOST_CAUSES) {
    const text = current instanceof Error
      ? current.message || current.name
      : String(current);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    // The message of wrong usage is whole by itself.
    current = current instanceof Error && !(current instanceof UsageError)
      ? current.cause
      : undefined;
  }
  return oneLine(parts.join(": "));
}
