/**
 * All that is replaced in a body, as plainly as it can be said.
 *
 * @module
 */

/** A name, what stands in its place, and where it may stand. */
export interface NameToReplace {
  /** The real name. */
  readonly real: string;
  /** The emulated one. */
  readonly shown: string;
  /** Where it may stand: see `NameKind`. */
  readonly kind: "region" | "whole" | "arn";
}

const AFTER = {
  region: /^(?:$|[^A-Za-z0-9]|[a-z](?![A-Za-z0-9]))/,
  whole: /^(?![A-Za-z0-9])/,
  arn: /^/,
};

const BEFORE = {
  region: /^(?:$|[^A-Za-z0-9])/,
  whole: /^(?:$|[^A-Za-z0-9])/,
  arn: /^(?:$|[\0\t\n\r "])/,
};

/** Rewrites a body, its bytes as the characters of a Latin-1 string. */
export function referenceReplace(
  body: string,
  names: readonly NameToReplace[],
): string {
  const sorted = [...names].sort((a, b) => b.real.length - a.real.length);
  let output = "";
  for (let at = 0; at < body.length;) {
    const before = body.slice(Math.max(0, at - 1), at);
    const found = sorted.find(({ real, kind }) =>
      body.startsWith(real, at) && BEFORE[kind].test(before) &&
      AFTER[kind].test(body.slice(at + real.length, at + real.length + 2))
    );
    output += found?.shown ?? body[at];
    at += found?.real.length ?? 1;
  }
  return output;
}
