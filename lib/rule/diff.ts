/**
 * Compares what stands with what shall stand.
 *
 * @module
 */
import { isExactlyNative } from "./native.ts";
import {
  isEmpty,
  type PlaceReading,
  type Reading,
  redirectTarget,
  type Table,
  type XtablesReading,
} from "./read.ts";
import {
  type Backend,
  type Desired,
  familyName,
  type Place,
  renderDestination,
  type Rule,
  rulesOf,
} from "./rule.ts";
import { shadows } from "./shadow.ts";
import {
  areSame,
  type ExpectedTable,
  filterTable,
  isJump,
  isSame,
  natTable,
  type TableName,
} from "./xtables.ts";

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
  const wanted = rules.flatMap((rule) => {
    const place = reading.places.find((it) => isFor(it, rule, backend));
    const found = differencesAt(rule, place);
    return found.map((text) =>
      `${familyName(rule.family)} in the ${backend} backend: ${text}`
    );
  });
  const others = reading.places.filter((place) =>
    !isClean(place, desired) &&
    !rules.some((rule) => isFor(place, rule, backend))
  ).map((place) => {
    const isElsewhere = rules.some(({ family }) => family === place.family);
    return `${
      familyName(place.family)
    } in the ${place.backend} backend: a rule is there, expected ${
      isElsewhere ? `only in the ${backend} backend` : "none"
    }`;
  });
  return [...wanted, ...others];
}

/** What differs in the place where a rule shall stand. */
export function differencesAt(
  rule: Rule,
  place: PlaceReading | undefined,
): readonly string[] {
  if (place === undefined || isEmpty(place)) return ["no rule is there"];
  return "native" in place
    ? nativeDifferences(rule, place)
    : xtablesDifferences(rule, place);
}

function isFor(place: Place, rule: Rule, backend: Backend): boolean {
  return place.backend === backend && place.family === rule.family;
}

/** Whether a place that shall have no rule has none. */
export function isClean(place: PlaceReading, { state }: Desired): boolean {
  return isEmpty(place) ||
    state === "draining" && "native" in place && place.native?.length === 0;
}

/** Whether one of iptables' tables holds exactly what shall stand there. */
export function isTableRight(
  name: TableName,
  table: Table,
  expected: ExpectedTable,
  rule: Rule,
): boolean {
  return outputDifferences(name, table, expected, rule).length === 0 &&
    areSame(table.chain ?? [], expected.chain);
}

/**
 * What differs in OUTPUT of one of iptables' tables: there shall be one jump,
 * and none of others' rules in its way.
 */
export function outputDifferences(
  name: TableName,
  { output }: Pick<Table, "output">,
  expected: ExpectedTable,
  rule: Rule,
): readonly string[] {
  const jumps = output.filter(isJump);
  const what = name === "nat" ? "the jump from OUTPUT" : "the guard's jump";
  if (jumps.length === 0) return [`${what} is missing`];
  const wrong = jumps.find((jump) => !isSame(jump, expected.jump));
  const count = name === "nat"
    ? `there are ${jumps.length} jumps, expected 1`
    : `the guard has ${jumps.length} jumps, expected 1`;
  return [
    ...jumps.length === 1 ? [] : [count],
    ...wrong === undefined ? [] : [
      `${
        what.replace(" from OUTPUT", "")
      } is "${wrong}", expected one from OUTPUT for ${
        name === "nat" ? renderDestination(rule) : "tcp"
      }`,
    ],
    ...shadows(name, output, rule).map((line) =>
      `"${line}" stands before ${what} in the ${name} table and ends it`
    ),
  ];
}

function xtablesDifferences(
  rule: Rule,
  place: XtablesReading,
): readonly string[] {
  const { nat, filter } = place;
  const redirect = natTable(rule);
  const guard = filterTable(rule);
  const isValueRight = redirect === undefined
    ? nat.chain === undefined
    : areSame(nat.chain ?? [], redirect.chain);
  const values = isValueRight
    ? []
    : orUnknown(valueDifferences(rule, place), nat.chain ?? []);
  const isGuarded = areSame(filter.chain ?? [], guard.chain);
  // Where uid or port are others', the guard has them, too.
  const guarded = isGuarded || filter.chain !== undefined && values.length > 0
    ? []
    : [
      filter.chain === undefined
        ? "the guard is missing"
        : `the guard is not for uid ${rule.uid}${
          rule.port === undefined ? " alone" : ` and port ${rule.port}`
        }`,
    ];
  return [
    // The chain tells of a redirect that shall not be there.
    ...redirect === undefined
      ? []
      : outputDifferences("nat", nat, redirect, rule),
    ...values,
    ...filter.chain === undefined
      ? []
      : outputDifferences("filter", filter, guard, rule),
    ...guarded,
  ];
}

function nativeDifferences(
  rule: Rule,
  place: PlaceReading & { readonly native: readonly string[] | undefined },
): readonly string[] {
  const lines = place.native ?? [];
  if (isExactlyNative(lines, rule)) return [];
  const [, address, port] =
    /daddr (\S+) tcp dport (\d+)/.exec(lines.join("\n")) ?? [];
  const isElsewhere = address !== undefined &&
    (address !== rule.address || port !== String(rule.addressPort));
  return orUnknown([
    ...isElsewhere
      ? [
        `it catches ${address} port ${port}, expected ${
          renderDestination(rule)
        }`,
      ]
      : [],
    ...valueDifferences(rule, place),
  ], lines);
}

function valueDifferences(
  rule: Rule,
  place: PlaceReading,
): readonly string[] {
  const { uid, port } = redirectTarget(place);
  if (rule.port === undefined) {
    return port === undefined
      ? []
      : ["a redirect is there, expected the guard alone"];
  }
  const differences: string[] = [];
  if (uid === undefined) {
    differences.push(`no user is exempt, expected uid ${rule.uid}`);
  } else if (uid !== rule.uid) {
    differences.push(`uid is ${uid}, expected ${rule.uid}`);
  }
  if (port === undefined) {
    differences.push(`the redirect is missing, expected port ${rule.port}`);
  } else if (port !== rule.port) {
    differences.push(`port is ${port}, expected ${rule.port}`);
  }
  return differences;
}

function orUnknown(
  differences: readonly string[],
  rules: readonly string[],
): readonly string[] {
  return differences.length > 0
    ? differences
    : [`the rules are not the expected ones: ${rules.join("; ")}`];
}
