/**
 * Compares what stands with what shall stand.
 *
 * @module
 */
import {
  isEmpty,
  isNone,
  type PlaceReading,
  type Reading,
  redirectTarget,
  type Table,
} from "./read.ts";
import {
  type Backend,
  type Desired,
  familyName,
  type Place,
  type Rule,
  ruleAt,
  rulesOf,
} from "./rule.ts";
import {
  areSame,
  type ExpectedTable,
  expectedTable,
  isJump,
  isSame,
  type TableName,
} from "./rule_text.ts";
import { shadows } from "./shadow.ts";

/**
 * What differs, one line each for people; empty where all is as desired.
 *
 * @param desired what shall stand
 * @param reading what stands
 * @param backend the backend in use
 */
export function diff(
  desired: Desired,
  reading: Reading,
  backend: Backend,
): readonly string[] {
  const rules = rulesOf(desired);
  const inUse = reading.places.filter((place) => place.backend === backend);
  const wanted = rules.flatMap((rule) => {
    const place = inUse.find(({ family }) => family === rule.family);
    return differencesAt(rule, backend, place);
  });
  const others = reading.places.filter((place) =>
    !isClean(place, desired) && ruleAt(desired, place, backend) === undefined
  ).map((place) => {
    const isElsewhere = rules.some(({ family }) => family === place.family);
    return `${nameOf(place)}: a rule is there, expected ${
      isElsewhere ? `only in the ${backend} backend` : "none"
    }`;
  });
  return [...wanted, ...others];
}

/** A place as messages begin with it. */
function nameOf({ family, backend }: Place): string {
  return `${familyName(family)} in the ${backend} backend`;
}

/** What differs in the place where a rule shall stand. */
export function differencesAt(
  rule: Rule,
  backend: Backend,
  place: PlaceReading | undefined,
): readonly string[] {
  const differences = place === undefined || isEmpty(place)
    ? ["no rule is there"]
    : [
      ...tableDifferences("nat", rule, place),
      ...tableDifferences("filter", rule, place),
    ];
  const name = nameOf({ family: rule.family, backend });
  return differences.map((text) => `${name}: ${text}`);
}

/** Whether a place that shall have no rule has none. */
export function isClean(place: PlaceReading, { state }: Desired): boolean {
  const { backend, nat, filter } = place;
  return isEmpty(place) ||
    state === "draining" && backend === "nftables" &&
      nat.chain?.length === 0 && isNone(filter);
}

/** What the parts of the rule are called. */
const PARTS: Readonly<Record<TableName, string>> = {
  nat: "the redirect",
  filter: "the guard",
};

/** What differs in one table; empty where it holds exactly what it shall. */
export function tableDifferences(
  name: TableName,
  rule: Rule,
  place: PlaceReading,
): readonly string[] {
  const { [name]: table, backend } = place;
  const expected = expectedTable(name, rule, backend);
  if (expected === undefined) {
    return isNone(table) ? [] : ["a redirect is there, expected none"];
  }
  if (isNone(table)) return [`${PARTS[name]} is missing`];
  const jump = jumpDifferences(name, table, expected, rule);
  if (areSame(table.chain ?? [], expected.chain)) return jump;
  const values = name === "nat" ? valueDifferences(rule, place) : [];
  return [
    ...jump,
    ...values.length > 0 ? values : [`${PARTS[name]} is not the expected one`],
  ];
}

/**
 * What differs in OUTPUT of one of iptables' tables: there shall be one jump,
 * and none of others' rules in its way.
 */
export function jumpDifferences(
  name: TableName,
  { output }: Pick<Table, "output">,
  expected: ExpectedTable,
  rule: Rule,
): readonly string[] {
  const { jump } = expected;
  if (jump === undefined) return [];
  const jumps = output.filter(isJump);
  const wrong = jumps.find((one) => !isSame(one, jump));
  return [
    ...jumps.length === 1
      ? []
      : [`${PARTS[name]} has ${jumps.length} jumps from OUTPUT, expected 1`],
    ...wrong === undefined
      ? []
      : [`${PARTS[name]}'s jump is "${wrong}", expected "${jump}"`],
    ...shadows(name, output, rule).map((line) =>
      `"${line}" stands before the jump in the ${name} table and ends it`
    ),
  ];
}

/** Whether a difference is a rule of others that stands before ours. */
export function isShadowed(difference: string): boolean {
  return / stands before .* and ends it$/.test(difference);
}

function valueDifferences(rule: Rule, place: PlaceReading): readonly string[] {
  const { uid = "missing", port = "missing" } = redirectTarget(place);
  return [
    ...uid === rule.uid || rule.port === undefined
      ? []
      : [`uid is ${uid}, expected ${rule.uid}`],
    ...port === (rule.port ?? "missing")
      ? []
      : [`port is ${port}, expected ${rule.port ?? "none"}`],
  ];
}
