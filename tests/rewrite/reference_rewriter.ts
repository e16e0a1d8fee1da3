/**
 * The rewriter as plainly as it can be said, to measure the real one against.
 *
 * @module
 */
import type { RegionMap } from "../../lib/config/region_map.ts";

/** Rewrites a body, its bytes as the characters of a Latin-1 string. */
export function referenceRewrite(body: string, map: RegionMap): string {
  const names = [...map.keys()].sort((a, b) => b.length - a.length);
  let output = "";
  let at = 0;
  while (at < body.length) {
    const name = names.find((name) =>
      body.startsWith(name, at) &&
      !/[A-Za-z0-9]$/.test(body.slice(0, at)) &&
      /^(?:$|[^A-Za-z0-9]|[a-z](?![A-Za-z0-9]))/.test(
        body.slice(at + name.length),
      )
    );
    output += name === undefined ? body[at] : map.get(name);
    at += name?.length ?? 1;
  }
  return output;
}
