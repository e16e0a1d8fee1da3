/**
 * What a client must see where an identity is in force: answers that the proxy
 * would leave as they are.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { rewritten } from "../proxy/answer.ts";
import { replacementOf } from "../rewrite/edits.ts";
import {
  ARN_FIELDS,
  DOMAIN_PATH,
  PARTITION_PATH,
} from "../rewrite/path_rules.ts";
import { type BodyRewrite, rewritePolicy } from "../rewrite/policy.ts";
import type { ServeConfig } from "../config/serve_config.ts";
import { equals } from "../system/bytes.ts";
import type { MetadataAnswer } from "../proxy/metadata_client.ts";

/** An answer that an identity changes. */
export interface Expectation {
  /** What it is called in a report. */
  readonly what: string;
  /** The target to ask for. */
  readonly target: string;
  /** Looks at an answer. */
  judge(answer: MetadataAnswer): Judgement;
}

/** What one answer shows of it. */
export interface Judgement {
  /** Whether the proxy would leave it as it is. */
  readonly met: boolean;
  /** What the proxy would make of it, in a few words. */
  readonly expected: string;
  /** What the answer shows instead, or as well, if it is worth telling. */
  readonly found?: string;
}

const ZONE_PATH = "*/meta-data/placement/availability-zone";

/** Longer answers are cut in a report; ARNs name an account. */
const SHOWN = 36;

/**
 * Lists what an identity makes clients expect.
 *
 * @param config the configuration; nothing is expected without an identity
 */
export function expectationsOf(
  { regions, identity }: Pick<ServeConfig, "regions" | "identity">,
): Expectation[] {
  const { partition, domain, zones = [], zoneIds = [], overrides = [] } =
    identity ?? {};
  const policy = rewritePolicy(
    { rewrite: "safe", regions, ...identity && { identity } },
    () => {},
  );
  const paths = [
    ...partition === undefined ? [] : [PARTITION_PATH],
    ...domain === undefined ? [] : [DOMAIN_PATH],
    ...overrides.map(({ path }) => path),
    ...partition === undefined ? [] : ARN_FIELDS.flatMap(({ paths }) => paths),
    ...zones.length === 0 ? [] : [ZONE_PATH],
    ...zoneIds.length === 0 ? [] : [`${ZONE_PATH}-id`],
  ];
  return [...new Set(paths.flatMap(targetsOf))].map((target) => ({
    what: target.replace(/^\/latest\/(?:meta-data\/)?/, ""),
    target,
    judge: (answer) => judge(answer, policy.of("GET", target)),
  }));
}

/** The target that a pattern holds for; none where a name must be known. */
function targetsOf(path: string): readonly string[] {
  const target = `/${path.replace(/^\//, "")}`
    .replace(/^\/(openstack\/)?\*(?=\/|$)/, "/$1latest");
  return target.includes("*") ? [] : [target];
}

function judge(
  { status, body }: MetadataAnswer,
  rewrite: BodyRewrite,
): Judgement {
  if (status !== STATUS_CODE.OK && status !== STATUS_CODE.NotFound) {
    return { met: false, expected: "an answer" };
  }
  const { edit } = rewrite;
  const wanted = replacementOf(status, edit) ??
    { status, bytes: rewritten(status, body, rewrite) };
  const met = wanted.status === status && equals(wanted.bytes, body);
  const [found, text] = [body, wanted.bytes].map((it) =>
    new TextDecoder().decode(it)
  ) as [string, string];
  if (wanted.status !== STATUS_CODE.OK) {
    return { met, expected: `${wanted.status}` };
  }
  // An override may be user data, which belongs in no report.
  const show = edit?.kind === "text" && edit.adds
    ? (it: string) =>
      `${it === text ? "the" : "another"} text of ${it.length} characters`
    : shown;
  const expected = show(text, found);
  return status === STATUS_CODE.OK
    ? { met, expected, found: show(found, text) }
    : { met, expected };
}

/** A text; of JSON, the fields that differ in another. */
function shown(text: string, other: string): string {
  const [one, two] = [fieldsOf(text), fieldsOf(other)];
  const all = one === undefined || two === undefined
    ? text.trim()
    : Object.keys(one).filter((name) => `${one[name]}` !== `${two[name]}`)
      .map((name) => `${name} ${one[name]}`).join(", ");
  return all.length > SHOWN
    ? `${all.slice(0, SHOWN)}… (${all.length} characters)`
    : all;
}

function fieldsOf(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return json.startsWith("{") ? JSON.parse(json) : undefined;
  } catch {
    return undefined;
  }
}
