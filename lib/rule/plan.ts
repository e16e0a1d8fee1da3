/**
 * Plans what is fed to `iptables-restore` or `nft`. Redirect and guard stand
 * and fall together: the guard comes first and goes last.
 *
 * @module
 */
import { isClean, isJumpRight, isTableRight } from "./diff.ts";
import type { Machine } from "./machine.ts";
import {
  isExactlyNative,
  nativeDraining,
  nativeRemoval,
  nativeScript,
} from "./native.ts";
import {
  type PlaceReading,
  type Reading,
  redirectTarget,
  type Table,
  WAIT,
  type XtablesReading,
} from "./read.ts";
import {
  CHAIN,
  type Desired,
  FAMILIES,
  type Place,
  type Rule,
  rulesOf,
} from "./rule.ts";
import { foreign } from "./rule_error.ts";
import { commandOf, has } from "./tools.ts";
import {
  type ExpectedTable,
  filterTable,
  isJump,
  natTable,
  type TableName,
} from "./xtables.ts";

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
  reading: Reading,
  machine: Machine,
): readonly Feed[] {
  const rules = rulesOf(desired);
  const ruleFor = (place: Place) =>
    place.backend === machine.backend
      ? rules.find(({ family }) => family === place.family)
      : undefined;
  const wanted = FAMILIES.flatMap((family) =>
    reading.places.filter((place) => place.family === family)
  ).flatMap((place) => {
    const rule = ruleFor(place);
    return rule === undefined ? [] : install(rule, place, machine);
  });
  const others = reading.places.filter((place) =>
    ruleFor(place) === undefined && !isClean(place, desired)
  ).flatMap((place) => remove(place, desired, machine));
  return [...wanted, ...others];
}

function install(
  rule: Rule,
  place: PlaceReading,
  machine: Machine,
): readonly Feed[] {
  if ("native" in place) {
    return place.native !== undefined && isExactlyNative(place.native, rule)
      ? []
      : [nft(place, nativeScript(rule))];
  }
  const { filter, nat } = place;
  const redirect = natTable(rule);
  const guard = filterTable(rule);
  const redirectFeed = redirect === undefined
    ? removal("nat", place, machine)
    : isTableRight("nat", nat, redirect, rule)
    ? []
    : [installation("nat", place, redirect, rule, machine)];
  // While the redirect changes, the old port is guarded as well as the new.
  const { port } = redirectTarget(place);
  if (port === undefined || port === rule.port) {
    const guardFeed = isTableRight("filter", filter, guard, rule)
      ? []
      : [installation("filter", place, guard, rule, machine)];
    return [...guardFeed, ...redirectFeed];
  }
  const both = filterTable(rule, [rule.port ?? port, port]);
  const guarded = { ...filter, output: [both.jump], chain: both.chain };
  return [
    installation("filter", place, both, rule, machine),
    ...redirectFeed,
    installation("filter", { ...place, filter: guarded }, guard, rule, machine),
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
  place: XtablesReading,
  expected: ExpectedTable,
  rule: Rule,
  machine: Machine,
): Feed {
  const table = place[name];
  const isRight = isJumpRight(name, table, expected, rule);
  if (!isRight && table.handles !== undefined) {
    throw foreign(machine.action, place.family, name);
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
  if ("native" in place) {
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
  place: XtablesReading,
  machine: Machine,
): readonly Feed[] {
  const { family } = place;
  const table = place[name];
  if (table.chain === undefined && !table.output.some(isJump)) return [];
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
  { tools, action }: Machine,
  lines: readonly string[],
): Feed {
  const command = commandOf(tools, backend, family, action);
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

/** An empty machine's reading: for one that cannot be read. */
export function emptyReading({ backend, tools }: Machine): Reading {
  const none: Table = { output: [], chain: undefined };
  const places = FAMILIES.filter((family) => has(tools, backend, family))
    .map((family): PlaceReading =>
      backend === "nftables"
        ? { backend, family, native: undefined }
        : { backend, family, filter: none, nat: none }
    );
  return { places, unreadable: [], warnings: [] };
}
