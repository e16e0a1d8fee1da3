/**
 * Reads what of ours stands in the kernel. Nothing here changes or creates
 * anything, and nothing is read whole: a node's tables can hold 40,000 rules.
 *
 * @module
 */
import type { RunResult } from "../system/runner.ts";
import { commandOf, has, type Machine } from "./machine.ts";
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
  explain,
  foreign,
  hasForeignRules,
  isWithoutTable,
  LOCK_WAIT_S,
  RuleError,
} from "./rule_error.ts";
import { isJump, jumpOf, NATIVE_CHAINS, type TableName } from "./rule_text.ts";

/** The redirect's or the guard's table, as far as it concerns us. */
export interface Table {
  /**
   * The rules of OUTPUT in order, those of others among them, as saved; only
   * our jumps where iptables cannot list them, and none in native nft.
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

/** A table with nothing of ours. */
export const NONE: Table = { output: [], chain: undefined };

/** What was read in one place. */
export interface PlaceReading extends Place, Record<TableName, Table> {}

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
}

/** Reads every family that this machine has programs for, backend by backend. */
export async function readRules(machine: Machine): Promise<Reading> {
  const unreadable: Unreadable[] = [];
  const places = (machine.backends ?? BACKENDS).flatMap((backend) =>
    FAMILIES.map((family) => ({ backend, family }))
  ).filter((place) => has(machine.tools, place));
  const read = await Promise.all(places.map(async (place) => {
    try {
      return [await readPlace(machine, place)];
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      unreadable.push({ ...place, error });
      return [];
    }
  }));
  return { places: read.flat(), unreadable };
}

/**
 * Reads one place.
 *
 * @throws {RuleError} when it cannot be read whole
 */
export async function readPlace(
  machine: Machine,
  { backend, family }: Place,
): Promise<PlaceReading> {
  const place = { backend, family };
  if (backend === "nftables") {
    return { ...place, ...await readNative(machine, family) };
  }
  // Listing a table of legacy's that is not there would make the kernel create
  // it, and then its rules win over nft's.
  const tables = backend === "legacy"
    ? await legacyTables(machine, family)
    : ["filter", "nat"];
  const read = async (table: TableName): Promise<Table> => {
    if (!tables.includes(table)) return NONE;
    const [output, chain] = await Promise.all([
      readOutput(machine, place, table),
      readChain(machine, place, table),
    ]);
    // What cannot be listed although it is jumped to holds rules of others.
    const isThere = output.output.some(isJump);
    return { ...output, chain: chain ?? (isThere ? [] : undefined) };
  };
  const [filter, nat] = await Promise.all([read("filter"), read("nat")]);
  return { ...place, filter, nat };
}

async function legacyTables(
  { run, action }: Machine,
  family: Family,
): Promise<readonly string[]> {
  const result = await run(["cat", `/proc/net/${family}_tables_names`]);
  if (typeof result !== "string") {
    if (result.code === 0) return result.stdout.split("\n");
    // The module is not loaded.
    if (result.stderr.includes("No such file or directory")) return [];
  }
  const attempt = {
    action,
    command: "cat",
    backend: "legacy",
    family,
  } as const;
  throw explain(attempt, result);
}

/**
 * Reads OUTPUT of one of iptables' tables: a few milliseconds, however many
 * rules the table has.
 *
 * @throws {RuleError} when it cannot be read whole
 */
async function readOutput(
  machine: Machine,
  place: Place,
  table: TableName,
): Promise<Omit<Table, "chain">> {
  const rules = await list(machine, place, table, "OUTPUT");
  if (rules === "foreign") return await readForeign(machine, place, table);
  return { output: rules === "none" ? [] : rules };
}

/**
 * Reads our chain in one of iptables' tables. Listing the whole table takes
 * native nft 25 times as long where others have 40,000 rules.
 *
 * @returns `undefined` where there is no such chain
 * @throws {RuleError} when it cannot be read whole
 */
async function readChain(
  machine: Machine,
  place: Place,
  table: TableName,
): Promise<readonly string[] | undefined> {
  const rules = await list(machine, place, table, CHAIN);
  return typeof rules === "string" ? undefined : rules;
}

/**
 * Reads native nft's table of our own.
 *
 * @throws {RuleError} when it cannot be read whole
 */
async function readNative(
  { run, action }: Machine,
  family: Family,
): Promise<Readonly<Record<TableName, Table>>> {
  const result = await run([
    "nft",
    "-nn",
    "list",
    "table",
    family,
    NATIVE_TABLE,
  ]);
  const isMissing = typeof result !== "string" &&
    result.stderr.includes("No such file or directory");
  if (isMissing) return { nat: NONE, filter: NONE };
  if (typeof result === "string" || result.code !== 0) {
    const command = "nft";
    throw explain({ action, command, backend: "nftables", family }, result);
  }
  return {
    nat: parseNative(result, NATIVE_CHAINS.nat, action),
    filter: parseNative(result, NATIVE_CHAINS.filter, action),
  };
}

/** Lists a chain, where there is one and iptables can list it. */
async function list(
  machine: Machine,
  place: Place,
  table: TableName,
  chain: string,
): Promise<readonly string[] | "none" | "foreign"> {
  const command = commandOf(machine, place);
  const { run, action } = machine;
  const result = await run([command, ...WAIT, "-t", table, "-S", chain]);
  if (typeof result !== "string") {
    if (result.code === 0) return parseChain(result, chain, command, action);
    const isMissing = chain !== "OUTPUT" &&
      /No chain\/target\/match by that name|does not exist/.test(result.stderr);
    if (isMissing || isWithoutTable(result)) return "none";
    if (hasForeignRules(result)) return "foreign";
  }
  throw explain({ action, command, ...place }, result);
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
  if (!isWhole) throw partial(command, action);
  return rules;
}

function parseNative(
  { stdout }: RunResult,
  chain: string,
  action: string,
): Table {
  const text = stdout.replaceAll(/^\s*#.*\n/gm, "");
  if (!/^table \S+ c2s-imds \{\n[^]*^\}\n$/m.test(text)) {
    throw partial("nft", action);
  }
  const start = `^\\tchain ${chain} \\{\\n`;
  const [, rules] = new RegExp(`${start}([^]*?)^\\t\\}$`, "m").exec(text) ?? [];
  const lines = rules?.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !/^type \w+ hook /.test(line));
  return { output: [], chain: lines };
}

function partial(command: string, action: string): RuleError {
  return new RuleError(
    "other",
    `Cannot ${action}: "${command}" did not print a whole list of rules`,
  );
}

/** Finds our jumps where native rules of others stand in OUTPUT. */
async function readForeign(
  machine: Machine,
  place: Place,
  table: TableName,
): Promise<Omit<Table, "chain">> {
  const { run, tools, action } = machine;
  const { family } = place;
  const to = family === "ip" ? DEFAULT_DESTINATION : DESTINATION_IPV6;
  const jump = jumpOf(table, to);
  if (has(tools, { backend: "nftables", family })) {
    const result = await run(
      ["nft", "-a", "list", "chain", family, table, "OUTPUT"],
    );
    if (typeof result === "string" || result.code !== 0) {
      throw explain({ action, command: "nft", ...place }, result);
    }
    const jumps = new RegExp(`\\bjump ${CHAIN}\\b.* # handle (\\d+)$`, "gm");
    const handles = Array.from(
      result.stdout.matchAll(jumps),
      ([, handle = ""]) => handle,
    );
    return { output: handles.map(() => jump), handles };
  }
  const check = jump.replace("-A", "-C").split(" ");
  const result = await run(
    [commandOf(machine, place), ...WAIT, "-t", table, ...check],
  );
  if (typeof result === "string" || result.code > 1) {
    throw foreign(action, family);
  }
  return { output: result.code === 0 ? [jump] : [], handles: "unknown" };
}

/** The rules of ours in one place, as its program shows them. */
export function linesOf(
  { backend, nat, filter }: PlaceReading,
): readonly string[] {
  const lines = ({ output, chain = [] }: Table) => [
    ...output.filter(isJump),
    ...chain,
  ];
  const mark = backend === "nftables" ? "" : "-t filter ";
  return [...lines(nat), ...lines(filter).map((line) => `${mark}${line}`)];
}

/** Whether nothing of ours is in one place. */
export function isEmpty({ nat, filter }: PlaceReading): boolean {
  return isNone(nat) && isNone(filter);
}

/** Whether nothing of ours is in one table. */
export function isNone({ output, chain }: Table): boolean {
  return chain === undefined && !output.some(isJump);
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

/** Where the rules redirect to. */
export function redirectTargets(
  { places }: Reading,
): readonly RedirectTarget[] {
  return places.map(redirectTarget).filter((it) =>
    it.port !== undefined && it.uid !== undefined
  ) as RedirectTarget[];
}
