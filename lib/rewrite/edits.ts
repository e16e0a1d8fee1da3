/**
 * What an identity does to the answer for a path, beyond the names that are
 * rewritten wherever they stand.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { ARN_FIELDS, DOMAIN_PATH, PARTITION_PATH } from "./path_rules.ts";
import { type PathPattern, pathPattern } from "./paths.ts";
import type { FixedAnswer, Identity, NamePairs } from "../config/profile.ts";

/** What happens to one answer, and whether also where the service has none. */
export type Edit = FixedAnswer & { readonly adds: boolean };

/** An edit and where it holds. */
type Place = readonly [holds: PathPattern, edit: Edit];

/** The partitions that instances really run in, as ARNs name them. */
const REAL_PARTITIONS = ["aws", "aws-us-gov", "aws-cn"];

/** How ARNs of the real partitions begin, and how those of another one. */
export function arnNames(partition: string): NamePairs {
  return REAL_PARTITIONS
    .filter((real) => real !== partition)
    .map((real) => [`arn:${real}:`, `arn:${partition}:`]);
}

const ARN_PLACES = ARN_FIELDS.map(({ paths, fields }) => ({
  patterns: paths.map(pathPattern),
  fields,
}));

/**
 * The fields that hold ARNs in an answer that is not rewritten otherwise.
 *
 * @param target an origin-form request target
 */
export function arnFields(target: string): readonly string[] {
  return ARN_PLACES
    .filter(({ patterns }) => patterns.some((holds) => holds(target)))
    .flatMap(({ fields }) => fields);
}

/**
 * Reads the edits of an identity.
 *
 * @param identity what is shown; nothing is edited without one
 * @returns what happens to the answer to an origin-form target: the first place
 * that has the path holds; fields add up until then, and the first value for
 * each holds
 */
export function editsOf(
  identity: Identity | undefined,
): (target: string) => Edit | undefined {
  const { overrides = [], partition, domain } = identity ?? {};
  const fixed = (path: string, text?: string): Place[] =>
    text === undefined
      ? []
      : [[pathPattern(path), { kind: "text", text, adds: false }]];
  const places: readonly Place[] = [
    ...overrides.map(({ path, ...answer }): Place => [
      pathPattern(path),
      { ...answer, adds: true },
    ]),
    ...fixed(PARTITION_PATH, partition),
    ...fixed(DOMAIN_PATH, domain),
  ];
  return (target) => {
    const edits = places
      .filter(([holds, { kind }]) => holds(target, kind === "absent"))
      .map(([, edit]) => edit);
    const [first] = edits;
    if (first?.kind !== "fields") return first;
    const fields = edits.flatMap((edit) =>
      edit.kind === "fields" ? [edit.fields] : []
    );
    return { ...first, fields: Object.assign({}, ...fields.reverse()) };
  };
}

/** A body that takes the place of the service's. */
export interface Replacement {
  /** The status code. */
  readonly status: number;
  /** The body. */
  readonly bytes: Uint8Array;
  /** Its type, where the service's own does not hold for it. */
  readonly contentType?: string;
}

const TEXT = "text/plain";

const encoder = new TextEncoder();

/**
 * Decides whether another body takes the place of the service's, only where
 * its status shows that the client may have it: whoever is refused gets the
 * refusal.
 *
 * @param status the status of the service's answer
 * @param edit what an identity makes of it
 * @returns `undefined` where the service's stays
 */
export function replacementOf(
  status: number,
  edit: Edit | undefined,
): Replacement | undefined {
  // A range is of a body that is not the one the client gets.
  const there = status === STATUS_CODE.OK ||
    status === STATUS_CODE.PartialContent;
  if (edit?.kind === "absent" && there) {
    return {
      status: STATUS_CODE.NotFound,
      bytes: encoder.encode("404 - Not Found\n"),
      contentType: TEXT,
    };
  }
  if (edit?.kind !== "text") return undefined;
  const bytes = encoder.encode(edit.text);
  if (there) return { status: STATUS_CODE.OK, bytes };
  return edit.adds && status === STATUS_CODE.NotFound
    ? { status: STATUS_CODE.OK, bytes, contentType: TEXT }
    : undefined;
}
