/**
 * Reads what of ours stands in the kernel. Nothing here changes or creates
 * anything, and nothing is read whole: a node's tables can hold 40,000 rules.
 *
 * @module
 */
import type { RunResult } from "../system/runner.ts";
import { failure, type Machine } from "./machine.ts";
import {
  jumpHandles,
  NATIVE_CHAINS,
  type NativeChain,
  parseNativeChain,
} from "./native.ts";
import {
  BACKENDS,
  CHAIN,
  DEFAULT_DESTINATION,
  DESTINATION_IPV6,
  FAMILIES,
  type Family,
  NATIVE_TABLE,
  type Place,
  type RedirectTarget,
} from "./rule.ts";
import {
  foreign,
  hasForeignRules,
  isWithoutTable,
  LOCK_WAIT_S,
  RuleError,
} from "./rule_error.ts";
import { commandOf, has } from "./tools.ts";
import { isJump, jumpOf, type TableName } from "./xtables.ts";

/** One of iptables' tables, as far as it concerns us. */
export interface Table {
  /**
   * The rules of OUTPUT in order, those of others among them, as saved; only
   * our jumps where iptables cannot list them.
   */
  readonly output: readonly string[];
  /** The rules of our chain, as saved; `undefined`: there is no such chain. */
  readonly chain: readonly string[] | undefined;
  /**
   * Our jumps' handles where native rules of others stand in OUTPUT, which
   * iptables cannot list; `"unknown"` without `nft`.
   */
  readonly handles?: readonly string[] | "unknown";
}

/** What was read in one place of the nft or legacy backend. */
export interface XtablesReading extends Place {
  /** The guard's table. */
  readonly filter: Table;
  /** The redirect's table. */
  readonly nat: Table;
}

/** What was read of native nft in one family. */
export interface NativeReading extends Place {
  /** The rules of our own table; `undefined`: there is no such table. */
  readonly native: readonly string[] | undefined;
}

/** What was read in one place. */
export type PlaceReading = XtablesReading | NativeReading;

/** A place that could not be read. */
export interface Unreadable extends Place {
  /** Why. */
  readonly error: RuleError;
}

/** What stands in every backend and family. */
export interface Reading {
  /** Every place that could be read. */
  readonly places: readonly PlaceReading[];
  /** The others: a rule of ours may stand there. */
  readonly unreadable: readonly Unreadable[];
  /** What the programs of the backend in use warned of. */
  readonly warnings: readonly string[];
}

/** Reads every family that this machine has programs for, backend by backend. */
export async function readRules(machine: Machine): Promise<Reading> {
  const warnings = new Set<string>();
  const unreadable: Unreadable[] = [];
  const { backends = BACKENDS } = machine;
  const places = backends.flatMap((backend) =>
    FAMILIES.filter((family) => has(machine.tools, backend, family))
      .map((family) => ({ backend, family }))
  );
  const read = await Promise.all(places.map(async (place) => {
    try {
      return [await readPlace(machine, place, warnings)];
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      unreadable.push({ ...place, error });
      return [];
    }
  }));
  return {
    places: read.flat(),
    unreadable,
    warnings: [...warnings],
  };
}

/**
 * Reads one place.
 *
 * @param warnings takes what the programs of the backend in use warned of
 * @throws {RuleError} when it cannot be read whole
 */
export async function readPlace(
  machine: Machine,
  { backend, family }: Place,
  warnings = new Set<string>(),
): Promise<PlaceReading> {
  if (backend === "nftables") {
    return { backend, family, native: await readNative(machine, family) };
  }
  // Listing a table of legacy's that is not there would make the kernel create
  // it, and then its rules win over nft's.
  const names = backend === "legacy"
    ? await legacyTables(machine, family)
    : ["filter", "nat"];
  const read = async (table: TableName): Promise<Table> => {
    if (!names.includes(table)) return { output: [], chain: undefined };
    const [output, chain] = await Promise.all([
      readOutput(machine, { backend, family }, table, warnings),
      list(machine, { backend, family }, table, CHAIN),
    ]);
    // What cannot be listed although it is jumped to holds rules of others.
    const known = chain.rules ?? (output.output.some(isJump) ? [] : undefined);
    return { ...output, chain: known };
  };
  const [filter, nat] = await Promise.all([read("filter"), read("nat")]);
  return { backend, family, filter, nat };
}

async function legacyTables(
  { run, action }: Machine,
  family: Family,
): Promise<readonly string[]> {
  const path = `/proc/net/${family}_tables_names`;
  const result = await run(["cat", path]);
  if (typeof result !== "string") {
    if (result.code === 0) return result.stdout.split("\n");
    // The module is not loaded.
    if (result.stderr.includes("No such file or directory")) return [];
  }
  const attempt = { action, command: "cat", backend: "legacy" } as const;
  throw await failure(run, attempt, result);
}

/**
 * Reads OUTPUT of one of iptables' tables: a few milliseconds, however many
 * rules the table has.
 *
 * @param warnings takes what the program warned of
 * @throws {RuleError} when it cannot be read whole
 */
export async function readOutput(
  machine: Machine,
  place: Place,
  table: TableName,
  warnings = new Set<string>(),
): Promise<Pick<Table, "output" | "handles">> {
  const { rules, result } = await list(machine, place, table, "OUTPUT");
  if (place.backend === machine.backend) {
    for (const [, text = ""] of result.stderr.matchAll(/^# Warning: (.+)$/gm)) {
      warnings.add(text);
    }
  }
  if (rules !== undefined) return { output: rules };
  if (isWithoutTable(result)) return { output: [] };
  return await readForeign(machine, place, table);
}

/** Lists a chain; without rules where there is none that can be listed. */
async function list(
  { run, tools, action }: Machine,
  { backend, family }: Place,
  table: TableName,
  chain: string,
): Promise<{ readonly rules?: readonly string[]; readonly result: RunResult }> {
  const command = commandOf(tools, backend, family, action);
  const result = await run([command, ...WAIT, "-t", table, "-S", chain]);
  if (typeof result !== "string") {
    if (result.code === 0) {
      return { rules: parseChain(result, chain, command, action), result };
    }
    const isMissing = chain !== "OUTPUT" &&
      /No chain\/target\/match by that name|does not exist/.test(result.stderr);
    if (isMissing || isWithoutTable(result) || hasForeignRules(result)) {
      return { result };
    }
  }
  throw await failure(run, { action, command, backend, family }, result);
}

/** The arguments that come first with each `iptables` and `iptables-restore`. */
export const WAIT: readonly string[] = ["-w", String(LOCK_WAIT_S)];

/** Takes nothing for a listing that is not the whole of one. */
function parseChain(
  { stdout }: RunResult,
  chain: string,
  command: string,
  action: string,
): readonly string[] {
  const [head = "", ...rules] = stdout.split("\n");
  const isWhole = rules.pop() === "" &&
    (head.startsWith(`-P ${chain} `) || head === `-N ${chain}`) &&
    rules.every((rule) => rule.startsWith(`-A ${chain} `));
  if (isWhole) return rules;
  throw partial(command, action);
}

function partial(command: string, action: string): RuleError {
  return new RuleError(
    "other",
    `Cannot ${action}: "${command}" did not print a whole list of rules`,
  );
}

/** Finds our jumps where native rules of others stand in OUTPUT. */
async function readForeign(
  { run, tools, action }: Machine,
  { backend, family }: Place,
  table: TableName,
): Promise<Pick<Table, "output" | "handles">> {
  const to = family === "ip" ? DEFAULT_DESTINATION : DESTINATION_IPV6;
  const jump = jumpOf(table, to);
  if (has(tools, "nftables", family)) {
    const result = await run(
      ["nft", "-a", "list", "chain", family, table, "OUTPUT"],
    );
    if (typeof result === "string" || result.code !== 0) {
      const attempt = { action, command: "nft", backend } as const;
      throw await failure(run, attempt, result);
    }
    const handles = jumpHandles(result.stdout, CHAIN);
    return { output: handles.map(() => jump), handles };
  }
  const command = commandOf(tools, backend, family, action);
  const check = jump.replace("-A", "-C").split(" ");
  const result = await run([command, ...WAIT, "-t", table, ...check]);
  if (typeof result === "string" || result.code > 1) {
    throw foreign(action, family, table);
  }
  return { output: result.code === 0 ? [jump] : [], handles: "unknown" };
}

/**
 * Reads our table in native nft, chain by chain: listing the table takes 25
 * times as long where others have 40,000 rules.
 *
 * @returns its rules; `undefined` where there is no such table
 * @throws {RuleError} when it cannot be read whole
 */
export async function readNative(
  { run, action }: Machine,
  family: Family,
  chains: readonly NativeChain[] = NATIVE_CHAINS,
): Promise<readonly string[] | undefined> {
  const read = await Promise.all(chains.map(async (chain) => {
    const result = await run(
      ["nft", "-nn", "list", "chain", family, NATIVE_TABLE, chain],
    );
    if (typeof result !== "string") {
      if (result.code === 0) {
        const rules = parseNativeChain(result.stdout, chain);
        if (rules === undefined) throw partial("nft", action);
        return rules;
      }
      if (result.stderr.includes("No such file or directory")) return undefined;
    }
    const backend = "nftables";
    const attempt = { action, command: "nft", backend, family } as const;
    throw await failure(run, attempt, result);
  }));
  return read.every((rules) => rules === undefined)
    ? undefined
    : read.flatMap((rules) => rules ?? []);
}

/** The rules of ours in one place, as its program shows them. */
export function linesOf(place: PlaceReading): readonly string[] {
  if ("native" in place) return place.native ?? [];
  const { nat, filter } = place;
  const lines = ({ output, chain = [] }: Table) => [
    ...output.filter(isJump),
    ...chain,
  ];
  return [...lines(nat), ...lines(filter).map((line) => `-t filter ${line}`)];
}

/** Whether nothing of ours is in one place. */
export function isEmpty(place: PlaceReading): boolean {
  if ("native" in place) return place.native === undefined;
  return [place.nat, place.filter].every(({ output, chain }) =>
    chain === undefined && !output.some(isJump)
  );
}

/** Where the rule in one place redirects to. */
export function redirectTarget(
  place: PlaceReading,
): Partial<RedirectTarget> {
  const text = linesOf(place).join("\n");
  const uid = /--uid-owner (\d+).* -j RETURN$|skuid != (\d+)/m.exec(text);
  const port = /--to-ports (\d+)$|redirect to :(\d+)/m.exec(text);
  return {
    ...uid === null ? {} : { uid: Number(uid[1] ?? uid[2]) },
    ...port === null ? {} : { port: Number(port[1] ?? port[2]) },
  };
}

/** Where the rules redirect to, each target once. */
export function redirectTargets(reading: Reading): readonly RedirectTarget[] {
  const targets = reading.places.map(redirectTarget).filter((it) =>
    it.port !== undefined && it.uid !== undefined
  ) as RedirectTarget[];
  return targets.filter(({ port, uid }, i) =>
    targets.findIndex((it) => it.port === port && it.uid === uid) === i
  );
}
