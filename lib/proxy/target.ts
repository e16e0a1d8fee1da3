/**
 * Takes the origin-form target out of the URL that `Deno.serve` hands over,
 * byte for byte: `new URL()` would normalise it, and the service answers
 * `/latest//` and `/latest/` differently.
 *
 * @module
 */

/** Everything `http://HOST` may be followed by. */
const TARGET_START = /[/?#]/;

const encoder = new TextEncoder();

/**
 * The request target as the client sent it, one character a byte, the form in
 * which `node:http` writes it.
 *
 * @param url the request's URL: `http://`, the client's Host, its target
 */
export function originTarget(url: string): string {
  const authority = url.indexOf("//") + 2;
  const start = url.slice(authority).search(TARGET_START);
  if (start < 0) return "/";
  const target = url.slice(authority + start);
  return binary(target.startsWith("/") ? target : `/${target}`);
}

/**
 * A target without its query, as logs have it.
 *
 * @param target an origin-form target
 */
export function pathOf(target: string): string {
  return target.replace(/\?.*$/s, "");
}

/** `Deno.serve` decodes UTF-8 in targets; this undoes it. */
function binary(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is the point
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte))
    .join("");
}
