/**
 * Maps a name that a client read in a rewritten answer back to the real one,
 * in the places where clients ask for a name that the service has listed.
 *
 * @module
 */
import { percentDecoded } from "./paths.ts";
import type { Rewriter } from "./rewriter.ts";

/** The names of roles, and the keys of tags; under any version. */
const LISTED =
  /^(\/[^/?#]+\/meta-data\/(?:iam\/security-credentials|tags\/instance)\/)([^/?#]+)(.*)$/s;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The target under its real name. A target that asks for no listed name, or
 * for one without an emulated region, comes back as the same string.
 *
 * @param target an origin-form request target
 * @param back puts real regions in the place of emulated ones
 */
export function realTarget(target: string, back: Rewriter): string {
  const [, before, name, after] = target.match(LISTED) ?? [];
  if (name === undefined) return target;
  const plain = percentDecoded(name);
  const real = decoder.decode(back.rewrite(encoder.encode(plain)));
  if (real === plain) return target;
  return `${before}${plain === name ? real : percentEncoded(real)}${after}`;
}

/**
 * Encodes all that is not unreserved
 * ([RFC 3986, 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)).
 */
function percentEncoded(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) =>
      `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
