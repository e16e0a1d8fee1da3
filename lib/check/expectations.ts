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
import type { MetadataAnswer } from "../system/metadata_client.ts";

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
  ].flatMap((path) => targetOf(path) ?? []);
  return [
    ...[...new Set(targets)].flatMap((target) => {
      const edit = edits.of(target);
      return edit === undefined ? [] : [expectationOf(target, edit)];
    }),
    ...partition === undefined ? [] : arnExpectations(partition, edits),
    ...[
      ...zoneExpectations("zone name", ZONE, zones),
      ...zoneExpectations("zone id", `${ZONE}-id`, zoneIds),
    ].filter(({ target }) => edits.of(target) === undefined),
  ];
}

/** A target that a pattern holds for; none where a name must be known. */
function targetOf(path: string): string | undefined {
  const target = `/${path.replace(/^\//, "")}`
    .replace(/^\/(openstack\/)?\*(?=\/|$)/, "/$1latest");
  return target.includes("*") ? undefined : target;
}

function expectationOf(target: string, edit: Edit): Expectation {
  const what = target.replace(/^\/latest\/(?:meta-data\/)?/, "");
  switch (edit.kind) {
    case "absent":
      return {
        what,
        target,
        expected: "404",
        judge: ({ status }) => ({ kept: status === STATUS_CODE.NotFound }),
      };
    case "text": {
      // An override may be user data, which belongs in no report.
      const shown = (text: string) =>
        edit.adds
          ? `${
            text === edit.text ? "the" : "another"
          } text of ${text.length} characters`
          : short(text);
      return {
        what,
        target,
        expected: shown(edit.text),
        judge: (answer) => {
          const found = textOf(answer);
          return found === undefined
            ? { kept: !edit.adds && isMissing(answer) }
            : { kept: found === edit.text, found: shown(found) };
        },
      };
    }
    case "fields":
      return {
        what,
        target,
        expected: shownFields(edit.fields),
        judge: (answer) => {
          const found = fieldsOf(answer, Object.keys(edit.fields));
          return {
            kept: found === undefined
              ? isMissing(answer)
              : Object.entries(found)
                .every(([name, text]) => text === edit.fields[name]),
            ...found === undefined ? {} : { found: shownFields(found) },
          };
        },
      };
  }
}

function arnExpectations(partition: string, edits: Edits): Expectation[] {
  const real = arnNames(partition).map(([prefix]) => prefix);
  return ARN_FIELDS.flatMap(({ paths, fields }) =>
    paths.flatMap((path) => targetOf(path) ?? [])
      .filter((target) => edits.of(target) === undefined)
      .map((target) => ({
        what: "ARN",
        target,
        expected: `arn:${partition}:…`,
        judge: (answer: MetadataAnswer) => {
          const found = fieldsOf(answer, fields);
          if (found === undefined) return { kept: isMissing(answer) };
          const [arn = ""] = Object.values(found);
          return {
            kept: !real.some((prefix) => arn.startsWith(prefix)),
            found: arn.replace(/^([^:]*:[^:]*:).*$/s, "$1…"),
          };
        },
      }))
  );
}

function zoneExpectations(
  what: string,
  target: string,
  names: NamePairs,
): Expectation[] {
  if (names.length === 0) return [];
  return [{
    what,
    target,
    expected: "an emulated one",
    judge: (answer) => {
      const found = textOf(answer)?.trim();
      return found === undefined ? { kept: isMissing(answer) } : {
        kept: !names.some(([real]) => real === found),
        found: short(found),
      };
    },
  }];
}

function isMissing({ status }: MetadataAnswer): boolean {
  return status === STATUS_CODE.NotFound;
}

function textOf({ status, body }: MetadataAnswer): string | undefined {
  return status === STATUS_CODE.OK ? new TextDecoder().decode(body) : undefined;
}

/** Those of the fields that an answer has, with their text. */
function fieldsOf(
  answer: MetadataAnswer,
  names: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const text = textOf(answer);
  if (text === undefined) return undefined;
  try {
    const found = Object.entries(JSON.parse(text) ?? {}).filter((entry) =>
      names.includes(entry[0]) && typeof entry[1] === "string"
    );
    return Object.fromEntries(found) as Record<string, string>;
  } catch {
    return {};
  }
}

function shownFields(fields: Readonly<Record<string, string>>): string {
  return short(
    Object.entries(fields).map((pair) => pair.join(" ")).join(", "),
  );
}

function short(text: string): string {
  return text.length > SHOWN
    ? `${text.slice(0, SHOWN)}… (${text.length} characters)`
    : text;
}
