/**
 * JSON the way the two services write it, because clients and rewriting rules
 * meet their spaces as well.
 *
 * @module
 */

/**
 * JSON as EC2 writes it: indented by two, a space on both sides of the colon,
 * no line feed at the end.
 *
 * @param value any JSON value
 */
export function ec2Json(value: unknown): string {
  return JSON.stringify(value, null, 2)
    .replaceAll(/^( *"(?:[^"\\]|\\.)*"):/gm, "$1 :");
}

/**
 * JSON as Nova writes it, which is Python's default: one line, a space after
 * commas and colons.
 *
 * @param value any JSON value
 */
export function novaJson(value: unknown): string {
  // A line feed inside a JSON string is escaped, so each one is layout.
  return JSON.stringify(value, null, 1)
    .replaceAll(/,\n */g, ", ")
    .replaceAll(/\n */g, "");
}
