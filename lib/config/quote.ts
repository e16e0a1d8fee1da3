/**
 * Foreign text inside a message: whatever it holds, the message stays one
 * line and nothing in it can steer a terminal.
 *
 * @module
 */

/** Controls, line and paragraph separators, and marks that change direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Longer values are cut: a message is for reading. */
const LONGEST = 200;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `\\u{${code.toString(16)}}`;
}

/**
 * Escapes what would break a line or could not be seen.
 *
 * @param text any text
 * @returns one line
 */
export function oneLine(text: string): string {
  return text.replaceAll(UNSEEN, escaped);
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
