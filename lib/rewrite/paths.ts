/**
 * What a request target asks for. A target goes up as it came; only these
 * decisions are made on cleaned copies of it. One thing in it is changed: a
 * name that a client read in a rewritten answer.
 *
 * @module
 */
import {
  type BodyRule,
  PATH_RULES,
  REGION_PATHS,
  REWRITE,
  UNSHARED_PATHS,
  UNTOUCHED,
} from "./path_rules.ts";
import type { Rewriter } from "./rewriter.ts";

/** A path, taken apart at its slashes. */
type Segments = readonly string[];

const RULES = PATH_RULES.map(({ paths, ...others }) => ({
  patterns: paths.map(segmentsOf),
  ...others,
}));
const REGION_PATTERNS = REGION_PATHS.map(segmentsOf);
const UNSHARED_PATTERNS = UNSHARED_PATHS.map(segmentsOf);

/**
 * Decides what is rewritten in the answer to a request when only what is safe
 * to rewrite shall be, by {@linkcode PATH_RULES}.
 *
 * A target that can be read in more than one way counts as each of them, and
 * the most careful rule holds. Case is ignored: the service knows these names
 * in lower case alone, so that the answer to another case is an error page.
 *
 * @param target an origin-form request target, or `*`
 * @param hostNames whether host names are safe to rewrite, too
 */
export function bodyRule(target: string, hostNames = false): BodyRule {
  const readings = readingsOf(target);
  const found = RULES.find((rule) =>
    anyHolds(rule.patterns, readings) && !(hostNames && rule.hostNames)
  );
  return found === undefined ? REWRITE : found.rule ?? UNTOUCHED;
}

/**
 * Whether a target asks for a place. A slash at its end makes no difference.
 *
 * @param target an origin-form request target, or `*`
 * @param below whether what is below belongs to it
 */
export type PathPattern = (target: string, below?: boolean) => boolean;

/**
 * Reads a pattern, which holds where a target asks for the place in every way
 * that it can be read.
 *
 * @param path the path, where `*` is any one segment
 */
export function pathPattern(path: string): PathPattern {
  const pattern = segmentsOf(path);
  return (target, below = false) =>
    plainReadingsOf(target).every((reading) =>
      [reading, ...withoutEc2(reading)].some((segments) =>
        holds(pattern, segments) &&
        (below || segments.length === pattern.length)
      )
    );
}

/**
 * Whether the answer names the region the instance runs in, so that a real
 * region in it that no map covers is worth a warning.
 *
 * @param target an origin-form request target, or `*`
 */
export function namesRegion(target: string): boolean {
  return anyHolds(REGION_PATTERNS, readingsOf(target));
}

/**
 * Whether the answer is made for one who asks, such as a token or credentials.
 *
 * @param target an origin-form request target, or `*`
 */
export function neverShared(target: string): boolean {
  return anyHolds(UNSHARED_PATTERNS, readingsOf(target));
}

function segmentsOf(path: string): Segments {
  return withoutEmpty(path.toLowerCase().split("/"));
}

function anyHolds(
  patterns: readonly Segments[],
  readings: readonly Segments[],
): boolean {
  return readings.some((segments) =>
    patterns.some((pattern) => holds(pattern, segments))
  );
}

function holds(pattern: Segments, segments: Segments): boolean {
  return pattern.length <= segments.length &&
    pattern.every((part, i) => part === "*" || part === segments[i]);
}

/**
 * The paths a server may take a target for: as they are, and without the
 * `/ec2` that Nova lets stand before every path of EC2's.
 */
function readingsOf(target: string): readonly Segments[] {
  const readings = plainReadingsOf(target);
  return [...readings, ...readings.flatMap(withoutEc2)];
}

function withoutEc2([first, ...others]: Segments): readonly Segments[] {
  return first === "ec2" ? [others] : [];
}

/** With dot segments, or these resolved before or after empty segments go. */
function plainReadingsOf(target: string): readonly Segments[] {
  const path = percentDecoded(target.replace(/[?#].*$/s, "")).toLowerCase();
  const all = path.replace(/^\//, "").split("/");
  const plain = withoutEmpty(all);
  return plain.some((segment) => segment === "." || segment === "..")
    ? [plain, resolved(plain), withoutEmpty(resolved(all))]
    : [plain];
}

function withoutEmpty(segments: Segments): Segments {
  return segments.filter((segment) => segment !== "");
}

function resolved(segments: Segments): Segments {
  const output: string[] = [];
  for (const segment of segments) {
    if (segment === "..") output.pop();
    else if (segment !== ".") output.push(segment);
  }
  return output;
}

/** Decodes percent signs once, into one character a byte; malformed ones stay. */
function percentDecoded(text: string): string {
  return text.replace(
    /%([0-9a-f]{2})/gi,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
}

/** The names of roles, and the keys of tags; under any version. */
const LISTED =
  /^(\/[^/?#]+\/meta-data\/(?:iam\/security-credentials|tags\/instance)\/)([^/?#]+)(.*)$/s;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The target under its real name, where clients ask for a name that the service
 * has listed. A target that asks for no listed name, or for one without an
 * emulated region, comes back as the same string.
 *
 * @param target an origin-form target
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
