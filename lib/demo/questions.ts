/**
 * What the demo asks, and how each answer must change.
 *
 * @module
 */
import { INSTANCE } from "../simulator/default_instance.ts";

/** How much of an answer is shown. */
export type View =
  /** Its text, lines joined. */
  | { readonly kind: "text" }
  /** These fields of a JSON object, one a line. */
  | { readonly kind: "fields"; readonly names: readonly string[] }
  /** Its size, because nobody can read the bytes or nobody should. */
  | { readonly kind: "size"; readonly what: string };

/** One path to ask. */
export interface Question {
  /** The directory under which the table shows it, with its last slash. */
  readonly directory: string;
  /** The rest of the path. */
  readonly path: string;
  /** The status that the answer must have. */
  readonly status: number;
  /** How much of the answer is shown. */
  readonly view: View;
  /** The parts where the region must change; without this, nowhere. */
  readonly changes?: RegExp;
}

/** A question that is answered 200 and shown as text, unless told. */
function question(
  directory: string,
  path: string,
  special: Partial<Question> = {},
): Question {
  return { directory, path, status: 200, view: { kind: "text" }, ...special };
}

function metaData(path: string, special: Partial<Question> = {}): Question {
  return question("/latest/meta-data/", path, special);
}

const WHOLE = /^.+$/gs;

/** Everything the demo asks, in the order of the table. */
export const QUESTIONS: readonly Question[] = [
  metaData("instance-id"),
  metaData("placement/region", { changes: WHOLE }),
  metaData("placement/availability-zone", { changes: WHOLE }),
  metaData("placement/availability-zone-id"),
  metaData("services/domain"),
  metaData("local-hostname"),
  metaData("tags/instance/Name"),
  metaData("iam/security-credentials/"),
  metaData(`iam/security-credentials/${INSTANCE.role}`, {
    view: { kind: "size", what: "secret" },
  }),
  metaData("spot/instance-action", { status: 404 }),
  question(
    `/latest/meta-data/network/interfaces/macs/${INSTANCE.macs[0]}/`,
    "security-groups",
  ),
  question("/latest/dynamic/", "instance-identity/document", {
    view: { kind: "fields", names: ["region", "availabilityZone"] },
    changes: /"(?:region|availabilityZone)" : "[^"]*"/g,
  }),
  question("/latest/", "user-data", { view: { kind: "size", what: "gzip" } }),
  question("/openstack/latest/", "meta_data.json", {
    view: { kind: "fields", names: ["availability_zone", "name"] },
    changes: /"availability_zone": "[^"]*"/g,
  }),
];
