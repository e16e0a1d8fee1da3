/**
 * The places where clients ask for a name that the service has listed to them,
 * and which may hold a region: what else they send holds none.
 *
 * @module
 */

/** A target taken apart at a name. */
export interface ListedName {
  /** What stands before the name. */
  readonly before: string;
  /** The name. */
  readonly name: string;
  /** What stands after it. */
  readonly after: string;
}

/** Roles, and the keys of tags; of any version. */
const LISTED =
  /^(\/[^/?#]+\/meta-data\/(?:iam\/security-credentials|tags\/instance)\/)([^/?#]+)(.*)$/s;

/**
 * Finds the name of a role or a tag in a target that asks for one.
 *
 * @param target an origin-form request target
 * @returns `undefined` where it asks for something else, or in a way of its own
 */
export function listedName(target: string): ListedName | undefined {
  const [, before, name, after] = target.match(LISTED) ?? [];
  return before === undefined || name === undefined || after === undefined
    ? undefined
    : { before, name, after };
}
