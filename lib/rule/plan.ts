/**
 * Plans what is fed to `iptables-restore` or `nft`. Redirect and guard stand
 * and fall together: the guard comes first and goes last.
 *
 * @module
 */
import { isClean, jumpDifferences, tableDifferences } from "./diff.ts";
import { commandOf, has, type Machine } from "./machine.ts";
import {
  isNone,
  NONE,
  type PlaceReading,
  type Reading,
  redirectTarget,
  type Table,
  WAIT,
} from "./read.ts";
import {
  CHAIN,
  type Desired,
  FAMILIES,
  type Place,
  type Rule,
  ruleAt,
} from "./rule.ts";
import { foreign } from "./rule_error.ts";
import {
  type ExpectedTable,
  expectedTable,
  guardTable,
  isJump,
  nativeDraining,
  nativeInstallation,
  nativeRemoval,
  type TableName,
} from "./rule_text.ts";

/** A transaction: all of it happens, or nothing. */
export interface Feed extends Place {
  /** The command. */
  readonly argv: readonly [string, ...string[]];
  /** What it is fed. */
  readonly stdin: string;
}

/**
 * The smallest feeds that make what stands what shall stand, in order: the
 * wanted places first, so there is no moment without a rule.
 *
 * @param desired what shall stand
 * @param reading what stands
 * @param machine the programs and the backend in use
 * @throws {RuleError} where others' native rules are in the way
 */
export function plan(
  desired: Desired,
  { places }: Pick<Reading, "places">,
  machine: Machine,
): readonly Feed[] {
  const { backend } = machine;
  const wanted = places.flatMap((place) => {
    const rule = ruleAt(desired, place, backend);
    return rule === undefined ? [] : install(rule, place, machine);
  });
  const others = places.filter((place) =>
    ruleAt(desired, place, backend) === undefined && !isClean(place, desired)
  ).flatMap((place) => remove(place, desired, machine));
  return [...wanted, ...others];
}

function install(
  rule: Rule,
  place: PlaceReading,
  machine: Machine,
): readonly Feed[] {
  const { backend } = place;
  const feed = (name: TableName) => {
    if (tableDifferences(name, rule, place).length === 0) return [];
    const { jump, chain } = expectedTable(name, rule, backend) ?? {};
    if (chain === undefined) return removal(name, place, machine);
    return jump === undefined
      ? [nft(place, nativeInstallation(rule))]
      : [installation(name, place, { jump, chain }, rule, machine)];
  };
  const [guard, redirect] = [feed("filter"), feed("nat")];
  // One script installs all of native nft's table.
  if (backend === "nftables") return [...guard, ...redirect].slice(0, 1);
  const { port } = redirectTarget(place);
  if (port === undefined || port === rule.port) return [...guard, ...redirect];
  // While the redirect changes, the old port is guarded as well as the new.
  const both = guardTable(rule, [rule.port ?? port, port]);
  const during = { ...place.filter, output: [both.jump], chain: both.chain };
  return [
    installation("filter", place, both, rule, machine),
    ...redirect,
    installation(
      "filter",
      { ...place, filter: during },
      guardTable(rule),
      rule,
      machine,
    ),
  ];
}

/**
 * Replaces our chain, whatever it holds: declaring it empties it in the same
 * transaction. A jump that is right stays where it is. Any others go, each by
 * its own text, and one comes at position 1; when somebody else took one of
 * them away meanwhile, the whole input fails and leaves all as it was, so the
 * table is never without a jump.
 */
function installation(
  name: TableName,
  place: PlaceReading,
  expected: Required<ExpectedTable>,
  rule: Rule,
  machine: Machine,
): Feed {
  const table = place[name];
  const isRight = jumpDifferences(name, table, expected, rule).length === 0;
  if (!isRight && table.handles !== undefined) {
    throw foreign(machine.action, place.family);
  }
  return restore(name, place, machine, [
    ...isRight ? [] : [
      ...deletions(table),
      expected.jump.replace("-A OUTPUT", "-I OUTPUT 1"),
    ],
    ...expected.chain,
  ]);
}

function remove(
  place: PlaceReading,
  { state }: Desired,
  machine: Machine,
): readonly Feed[] {
  if (place.backend === "nftables") {
    const script = state === "draining" ? nativeDraining : nativeRemoval;
    return [nft(place, script(place.family))];
  }
  const redirect = removal("nat", place, machine);
  const guard = removal("filter", place, machine);
  // While the proxy listens, a guard without a redirect would have clients
  // refused; once it is gone, a redirect without a guard would lead to others.
  return state === "draining"
    ? [...guard, ...redirect]
    : [...redirect, ...guard];
}

function removal(
  name: TableName,
  place: PlaceReading,
  machine: Machine,
): readonly Feed[] {
  const { family } = place;
  const table = place[name];
  if (isNone(table)) return [];
  const { handles } = table;
  if (handles !== undefined && handles !== "unknown") {
    const chain = `chain ${family} ${name} ${CHAIN}`;
    const script = [
      ...handles.map((it) =>
        `delete rule ${family} ${name} OUTPUT handle ${it}`
      ),
      ...["add", "flush", "delete"].map((verb) => `${verb} ${chain}`),
      "",
    ];
    return [nft(place, script.join("\n"))];
  }
  const lines = [...deletions(table), `-F ${CHAIN}`, `-X ${CHAIN}`];
  return [restore(name, place, machine, lines)];
}

function deletions({ output }: Table): readonly string[] {
  return output.filter(isJump).map((line) => line.replace("-A ", "-D "));
}

function restore(
  name: TableName,
  { backend, family }: Place,
  machine: Machine,
  lines: readonly string[],
): Feed {
  const command = commandOf(machine, { backend, family });
  const stdin = [`*${name}`, `:${CHAIN} - [0:0]`, ...lines, "COMMIT", ""];
  return {
    backend,
    family,
    argv: [`${command}-restore`, ...WAIT, "--noflush"],
    stdin: stdin.join("\n"),
  };
}

function nft({ backend, family }: Place, stdin: string): Feed {
  return { backend, family, argv: ["nft", "-f", "-"], stdin };
}

/** An empty machine's places: for one that cannot be read. */
export function emptyPlaces(
  { backend, tools }: Machine,
): readonly PlaceReading[] {
  return FAMILIES.map((family) => ({
    backend,
    family,
    filter: NONE,
    nat: NONE,
  }))
    .filter((place) => has(tools, place));
}
