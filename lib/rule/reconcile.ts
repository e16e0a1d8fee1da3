/**
 * Makes what stands what shall stand: read, diff, plan, feed, read again.
 *
 * @module
 */
import { diff, differencesAt } from "./diff.ts";
import { listeningSockets } from "../system/socket_owners.ts";
import {
  blindSpots,
  commandOf,
  type Machine,
  requireRights,
} from "./machine.ts";
import { emptyPlaces, type Feed, plan } from "./plan.ts";
import {
  isEmpty,
  type Reading,
  readPlace,
  readRules,
  redirectTargets,
} from "./read.ts";
import {
  type Backend,
  type Desired,
  familyName,
  type Place,
  ruleAt,
  rulesOf,
} from "./rule.ts";
import {
  ConflictError,
  explain,
  type FailureKind,
  RuleError,
} from "./rule_error.ts";

/** What can be had of a desired state. */
export interface Reached {
  /**
   * All that was desired but the families left out; `absent` wherever nothing
   * of ours is left.
   */
  readonly reached: Desired;
  /** Which families this machine cannot guard, and why, one line each. */
  readonly unguarded: readonly string[];
}

/** What reconciling did. */
export interface Reconciled extends Reached {
  /** The differences that were found first, one line each. */
  readonly was: readonly string[];
  /** Why some places could not be read: a rule of ours may stand there. */
  readonly warnings: readonly string[];
  /** Where a rule was found that shall not stand, and taken away. */
  readonly removed: readonly Place[];
}

/**
 * How often a change is tried. Of several at the same moment each round lets
 * at least one through, so about this many can run at once.
 */
export const ROUNDS = 20;

/** What a change by others between reading and feeding can look like. */
const MAY_BE_A_RACE: readonly FailureKind[] = ["missing module", "other"];

/** What no repetition helps against, so the guard is not left alone. */
const NEVER_WORKS: readonly FailureKind[] = ["missing module", "foreign rules"];

/** What a machine can lack for one family and have for the other. */
const LACKS: readonly FailureKind[] = [
  "missing module",
  "no tool",
  "broken tool",
];

/** What stands, and how that differs from what shall stand. */
export interface Comparison {
  /** What stands. */
  readonly reading: Reading;
  /** What differs, one line each for people. */
  readonly differences: readonly string[];
}

/**
 * Reads what stands and compares it.
 *
 * @throws {RuleError} when a place where a rule shall stand cannot be read
 */
async function compare(
  machine: Machine,
  desired: Desired,
  known?: Reading,
): Promise<Comparison> {
  const { backend } = machine;
  for (const { family } of rulesOf(desired)) {
    commandOf(machine, { backend, family });
  }
  const reading = known ?? await readRules(machine);
  const blind = reading.unreadable
    .find((place) => ruleAt(desired, place, backend) !== undefined);
  if (blind !== undefined) throw blind.error;
  return { reading, differences: diff(desired, reading, backend) };
}

/**
 * Acts on what is desired, and once more without a family that would only be
 * guarded where the machine lacks the programs or modules for that: the other
 * family must not go without its rule for it.
 */
async function withGuardWhereItCan<T>(
  desired: Desired,
  act: (desired: Desired) => Promise<T>,
): Promise<Reached & T> {
  try {
    return { reached: desired, unguarded: [], ...await act(desired) };
  } catch (error) {
    if (!(error instanceof RuleError) || desired.state !== "open") throw error;
    const { kind, family, cause } = error;
    const targets = desired.targets.filter((target) =>
      target.family !== family || target.port !== undefined
    );
    if (
      family === undefined || !LACKS.includes(kind) ||
      targets.length === desired.targets.length
    ) throw error;
    const { message } = cause instanceof RuleError ? cause : error;
    const why = message.replace(/^Cannot [^:]*: /, "");
    return {
      ...await withGuardWhereItCan({ ...desired, targets }, act),
      unguarded: [`${familyName(family)} is not guarded: ${why}`],
    };
  }
}

/**
 * Compares, and finds out which families this machine cannot guard where their
 * guard is missing. Changes nothing.
 *
 * @throws {RuleError} when a place where a rule shall stand cannot be read
 */
export function inspect(
  machine: Machine,
  desired: Desired,
): Promise<Reached & Comparison> {
  return withGuardWhereItCan(desired, async (reached) => {
    const compared = await compare(machine, reached);
    const { places } = compared.reading;
    const missing = places.filter((place) =>
      place.backend === machine.backend && isEmpty(place)
    );
    const feeds = places.every(isEmpty)
      ? []
      : plan(reached, { places: missing }, machine);
    const failed = await feedAll(machine, feeds.map(trial));
    if (failed !== undefined && LACKS.includes(failed.kind)) throw failed;
    return compared;
  });
}

/** What finds out whether a feed would work, without doing it. */
function trial({ argv: [command, ...args], ...feed }: Feed): Feed {
  const only = command === "nft" ? "--check" : "--test";
  return { ...feed, argv: [command, only, ...args] };
}

/**
 * Reconciles. Between reading and feeding others may change the tables,
 * another instance of ours among them, and a command that failed may have done
 * its work all the same: only what is read afterwards counts. Calls for the
 * same machine must not overlap.
 *
 * @param ownPorts the proxy's ports, where the rule of another instance is to
 * be left alone
 * @param known what was read a moment ago, if anything was; for the first look
 * @throws {ConflictError} when one has the rule; nothing was changed
 * @throws {RuleError} when the desired state could not be reached, or where
 * nothing shall stand and some place could not be read; the message says what
 * stands
 */
export function reconcile(
  machine: Machine,
  desired: Desired,
  ownPorts?: readonly number[],
  known?: Reading,
): Promise<Reconciled> {
  return withGuardWhereItCan(desired, (reached) => {
    // Before a second try, the first may have changed it, or waited for long.
    const isFirst = reached === desired;
    return reach(machine, reached, ownPorts, isFirst ? known : undefined);
  });
}

async function reach(
  machine: Machine,
  desired: Desired,
  ownPorts: readonly number[] | undefined,
  known: Reading | undefined,
): Promise<Omit<Reconciled, "unguarded">> {
  const first = await compare(machine, desired, known);
  if (ownPorts) await requireOwn(machine, first.reading, ownPorts);
  // No feed of ours puts anything where nothing is and nothing shall be.
  const fed = { ...machine, backends: backendsFed(machine, first.reading) };
  let now = first;
  let failed: RuleError | undefined;
  for (
    let round = 0, inVain = 0;
    now.differences.length > 0 && round < ROUNDS && inVain < 2;
    round++
  ) {
    if (failed !== undefined && !MAY_BE_A_RACE.includes(failed.kind)) break;
    const before = JSON.stringify(now.reading.places);
    failed = await feedAll(machine, plan(desired, now.reading, machine));
    now = await compare(fed, desired);
    // Where others made it fail, something has changed.
    const isSame = JSON.stringify(now.reading.places) === before;
    inVain = failed !== undefined && isSame ? inVain + 1 : 0;
  }
  if (now.differences.length > 0) {
    const cause = failed ?? new RuleError(
      "other",
      `Cannot ${machine.action}: others changed it ${ROUNDS} times meanwhile`,
    );
    const wasBare = first.reading.places.every(isEmpty);
    if (NEVER_WORKS.includes(cause.kind) && wasBare) {
      await feedAll(machine, plan({ state: "absent" }, now.reading, machine));
      now = await compare(fed, desired);
    }
    const standing = now.reading.places.every(isEmpty)
      ? "no rule is there"
      : `there is: ${now.differences.join("; ")}`;
    const { family, kind } = cause;
    const message = `${cause.message}; ${standing}`;
    throw new RuleError(kind, message, { cause, family });
  }
  const { unreadable } = now.reading;
  const [blind] = unreadable;
  if (blind !== undefined && desired.state !== "open") throw blind.error;
  const { reading, differences: was } = first;
  const isBare = now.reading.places.every(isEmpty);
  return {
    reached: isBare ? { state: "absent" } : desired,
    was,
    warnings: [
      ...unreadable.map(({ error }) => error.message),
      ...blindSpots(machine),
    ],
    removed: reading.places.filter((place) =>
      !isEmpty(place) &&
      ruleAt(desired, place, machine.backend) === undefined
    ),
  };
}

/** The backends where something stands, shall stand or cannot be read. */
function backendsFed(
  { backend }: Machine,
  { places, unreadable }: Reading,
): readonly Backend[] {
  const used = [...places.filter((place) => !isEmpty(place)), ...unreadable];
  return [...new Set([backend, ...used.map((place) => place.backend)])];
}

/** What would be fed, and what could not be read. */
export interface DryRun {
  /** What would be fed, in order. */
  readonly feeds: readonly Feed[];
  /** Why more or less may be fed in the end. */
  readonly warnings: readonly string[];
}

/**
 * What {@linkcode reconcile} would feed. Where a rule shall stand and nothing
 * can be read, it is what an empty table would get.
 */
export async function dryRun(
  machine: Machine,
  desired: Desired,
): Promise<DryRun> {
  try {
    await requireRights(machine);
    const { reading, reached, unguarded } = await inspect(machine, desired);
    return {
      feeds: plan(reached, reading, machine),
      warnings: [
        ...reading.unreadable.map(({ error }) => error.message),
        ...unguarded,
      ],
    };
  } catch (error) {
    if (!(error instanceof RuleError) || error.kind === "no tool") throw error;
    return {
      feeds: plan(desired, { places: emptyPlaces(machine) }, machine),
      warnings: [`${error.message}; shown is what an empty table gets`],
    };
  }
}

/** Feeds in order, up to the first that fails. */
async function feedAll(
  { run, action }: Machine,
  feeds: readonly Feed[],
): Promise<RuleError | undefined> {
  for (const { argv, stdin, ...place } of feeds) {
    const result = await run(argv, { stdin });
    if (typeof result !== "string" && result.code === 0) continue;
    return explain({ action, command: argv[0], ...place }, result);
  }
  return undefined;
}

/**
 * Looks whether the rule is in place, in the backend in use and the desired
 * families alone.
 *
 * @returns what differs, one line each; empty where it is in place
 * @throws {RuleError} when it cannot be read
 */
export async function look(
  machine: Machine,
  desired: Desired,
): Promise<readonly string[]> {
  const { backend } = machine;
  const found = await Promise.all(
    rulesOf(desired).map(async (rule) => {
      const place = await readPlace(machine, { backend, family: rule.family });
      return differencesAt(rule, backend, place);
    }),
  );
  return found.flat();
}

/**
 * Makes sure that no other instance runs, before anything is changed.
 *
 * @returns what stands
 * @throws {ConflictError} when one has the rule
 */
export async function requireAlone(machine: Machine): Promise<Reading> {
  const reading = await readRules(machine);
  await requireOwn(machine, reading, []);
  return reading;
}

/**
 * Looks for another instance: a rule of ours whose port has a listener on
 * loopback that runs as the rule's uid, and is not ours. Nobody listens where a
 * crash left the rule, and a stranger who does has no claim to it.
 */
async function requireOwn(
  { run }: Machine,
  reading: Reading,
  ownPorts: readonly number[],
): Promise<void> {
  const others = redirectTargets(reading)
    .filter(({ port }) => !ownPorts.includes(port));
  if (others.length === 0) return;
  const listeners = await listeningSockets(run);
  const found = others.find((target) =>
    listeners?.some(({ localPort, uid }) =>
      localPort === target.port && uid === target.uid
    )
  );
  if (found !== undefined) throw new ConflictError(found);
}
