/**
 * What a client must see where an identity is in force, path by path.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { arnNames, type Edit, Edits } from "../rewrite/edits.ts";
import {
  ARN_FIELDS,
  DOMAIN_PATH,
  PARTITION_PATH,
} from "../rewrite/path_rules.ts";
import type { Identity, NamePairs } from "../config/profile.ts";
import type { MetadataAnswer } from "../proxy/metadata_client.ts";

/** One thing that an identity makes clients expect. */
export interface Expectation {
  /** What it is called in a report. */
  readonly what: string;
  /** The target to ask for. */
  readonly target: string;
  /** What the answer must show, in a few words. */
  readonly expected: string;
  /** Looks at an answer. */
  judge(answer: MetadataAnswer): Judgement;
}

/** What one answer shows of it. */
export interface Judgement {
  /** Whether it is as expected, or there is nothing it is about. */
  readonly kept: boolean;
  /** What the answer shows, if it is worth telling. */
  readonly found?: string;
}

const ZONE = "/latest/meta-data/placement/availability-zone";

/** Longer answers are cut in a report. */
const SHOWN = 60;

/**
 * Lists what an identity makes clients expect.
 *
 * @param identity the identity; nothing is expected without one
 */
export function expectationsOf(identity: Identity | undefined): Expectation[] {
  if (identity === undefined) return [];
  const { partition, zones, zoneIds, overrides } = identity;
  const edits = new Edits(identity);
  const targets = [
    PARTITION_PATH,
    DOMAIN_PATH,
    ...overrides.map(({ path }) => path),
  ].flatMap(targetsOf);
  return [
    ...[...new Set(targets)].flatMap((target) => {
      const edit = edits.of(target);
      return edit === undefined ? [] : [ofEdit(target, edit)];
    }),
    ...[
      ...partition === undefined ? [] : ofArns(partition),
      ...ofNames("zone name", ZONE, zones),
      ...ofNames("zone id", `${ZONE}-id`, zoneIds),
    ].filter(({ target }) => edits.of(target) === undefined),
  ];
}

/** The target that a pattern holds for; none where a name must be known. */
function targetsOf(path: string): readonly string[] {
  const target = `/${path.replace(/^\//, "")}`
    .replace(/^\/(openstack\/)?\*(?=\/|$)/, "/$1latest");
  return target.includes("*") ? [] : [target];
}

/**
 * Expects something of the text of an answer.
 *
 * @param mayBeMissing whether 404 is as good
 */
function expectation(
  what: string,
  target: string,
  expected: string,
  judge: (text: string) => Judgement,
  mayBeMissing = true,
): Expectation {
  return {
    what,
    target,
    expected,
    judge: ({ status, body }) =>
      status === STATUS_CODE.OK
        ? judge(new TextDecoder().decode(body))
        : { kept: mayBeMissing && status === STATUS_CODE.NotFound },
  };
}

function ofEdit(target: string, edit: Edit): Expectation {
  const what = target.replace(/^\/latest\/(?:meta-data\/)?/, "");
  switch (edit.kind) {
    case "absent":
      return expectation(what, target, "404", () => ({ kept: false }));
    case "text": {
      const { text, adds } = edit;
      // An override may be user data, which belongs in no report.
      const shown = (found: string) =>
        adds
          ? `${
            found === text ? "the" : "another"
          } text of ${found.length} characters`
          : short(found);
      return expectation(what, target, shown(text), (found) => ({
        kept: found === text,
        found: shown(found),
      }), !adds);
    }
    case "fields": {
      const { fields } = edit;
      const expected = shownFields(Object.entries(fields));
      return expectation(what, target, expected, (text) => {
        const found = fieldsOf(text, Object.keys(fields));
        const kept = found.every(([name, value]) => value === fields[name]);
        return { kept, found: shownFields(found) };
      });
    }
  }
}

function ofArns(partition: string): Expectation[] {
  const reals = arnNames(partition).map(([real]) => real);
  return ARN_FIELDS.flatMap(({ paths, fields }) =>
    paths.flatMap(targetsOf).map((target) =>
      expectation("ARN", target, `arn:${partition}:…`, (text) => {
        const [[, arn] = ["", ""]] = fieldsOf(text, fields);
        const found = arn.replace(/^([^:]*:[^:]*:).*$/s, "$1…");
        return { kept: !reals.some((real) => arn.startsWith(real)), found };
      })
    )
  );
}

function ofNames(
  what: string,
  target: string,
  names: NamePairs,
): Expectation[] {
  if (names.length === 0) return [];
  return [expectation(what, target, "an emulated one", (text) => {
    const found = text.trim();
    const kept = !names.some(([real]) => real === found);
    return { kept, found: short(found) };
  })];
}

/** Those of the fields that a JSON object has, with their text. */
function fieldsOf(
  json: string,
  names: readonly string[],
): readonly (readonly [name: string, value: string])[] {
  try {
    return Object.entries<unknown>(JSON.parse(json) ?? {}).flatMap(
      ([name, value]) =>
        names.includes(name) && typeof value === "string"
          ? [[name, value] as const]
          : [],
    );
  } catch {
    return [];
  }
}

function shownFields(
  fields: readonly (readonly [name: string, value: string])[],
): string {
  return short(fields.map((field) => field.join(" ")).join(", "));
}

function short(text: string): string {
  return text.length > SHOWN
    ? `${text.slice(0, SHOWN)}… (${text.length} characters)`
    : text;
}
