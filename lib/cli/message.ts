/**
 * Messages: whatever foreign text one holds, it stays one line, and nothing in
 * it can steer a terminal.
 *
 * @module
 */

/** Controls, line and paragraph separators, and marks that change direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Longer values are cut: a message is for reading. */
const LONGEST = 200;

/** More causes than this help nobody. */
const MOST_CAUSES = 5;

/**
 * Wrong usage or configuration: the message is one line that names the flag,
 * variable or key, the value, and what was expected. Ends with exit code 2,
 * before anything was changed.
 */
export class UsageError extends Error {
  /**
   * Makes the error.
   *
   * @param message the one line the user sees
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/**
 * Escapes what would break a line or could not be seen.
 *
 * @param text any text
 * @returns one line
 */
export function oneLine(text: string): string {
  return text.replaceAll(
    UNSEEN,
    (it) => `\\u{${it.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Puts a value in double quotes, escaped, and cut after 200 characters.
 *
 * @param value any text
 * @returns one line
 */
export function quote(value: string): string {
  const characters = [...value];
  const shown = characters.length > LONGEST
    ? `${characters.slice(0, LONGEST).join("")}…`
    : value;
  return oneLine(JSON.stringify(shown));
}

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
    // The message of a UsageError is complete without its cause.
    current = current instanceof Error && !(current instanceof UsageError)
      ? current.cause
      : undefined;
  }
  return oneLine(parts.join(": "));
}
