/**
 * Percent-encoding of targets, which are one character a byte.
 *
 * @module
 */

/**
 * Decodes percent signs once; malformed ones stay.
 *
 * @param text a part of a target
 * @returns one character a byte
 */
export function percentDecoded(text: string): string {
  return text.replace(
    /%([0-9a-f]{2})/gi,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
}

/**
 * Encodes all that is not unreserved
 * ([RFC 3986, 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)).
 *
 * @param bytes one character a byte
 */
export function percentEncoded(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) =>
      `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
