/**
 * An iptables of the nft backend in memory, for IPv4: just enough of `-S` and
 * `-restore` to put other programs' changes between two of ours.
 *
 * @module
 */
import type { Runner, RunResult } from "../../lib/system/runner.ts";

const CHAIN = "C2S-IMDS";

/** One table's rules, without `-A CHAIN`. */
export interface FakeTable {
  /** The rules of OUTPUT. */
  output: string[];
  /** The rules of our chain; `undefined` where it is not there. */
  chain: string[] | undefined;
}

/** The fake, and what a test may do to it. */
export interface FakeIptables {
  /** Answers as the programs would. */
  readonly run: Runner;
  /** The guard's table. */
  filter: FakeTable;
  /** The redirect's table. */
  nat: FakeTable;
  /** Called before each transaction; may change the rules. */
  beforeRestore: () => void;
  /** The tables that transactions came for, in order. */
  readonly restores: ("filter" | "nat")[];
  /** The answer to transactions of a table, instead of doing them. */
  refusals: Partial<Record<"filter" | "nat", RunResult>>;
  /** The contents of files under /proc; others are not there. */
  readonly files: Record<string, string>;
}

function said(code: number, stdout = "", stderr = ""): RunResult {
  return { code, stdout, stderr };
}

const NO_RULE = said(
  1,
  "",
  "iptables: Bad rule (does a matching rule exist in that chain?).\n",
);
const NO_CHAIN = said(1, "", "iptables: No chain/target/match by that name.\n");

/** Makes one with empty tables. */
export function createFakeIptables(): FakeIptables {
  const fake: FakeIptables = {
    filter: { output: [], chain: undefined },
    nat: { output: [], chain: undefined },
    beforeRestore: () => {},
    restores: [],
    refusals: {},
    files: { "/proc/self/status": "CapEff:\t0000000000003000\n" },
    run: ([name, ...args], { stdin = "" } = {}) =>
      Promise.resolve(
        name === "cat"
          ? read(fake, args)
          : !name.startsWith("iptables-nft")
          ? "not found"
          : args[0] === "--version"
          ? said(0, "iptables v1.8.9 (nf_tables)\n")
          : name.endsWith("-restore")
          ? restore(fake, stdin)
          : name.endsWith("-save")
          ? said(0)
          : list(fake, args),
      ),
  };
  return fake;
}

function read({ files }: FakeIptables, paths: string[]): RunResult {
  const missing = paths.find((path) => files[path] === undefined);
  const stdout = paths.map((path) => files[path] ?? "").join("");
  return missing === undefined
    ? said(0, stdout)
    : said(1, stdout, `cat: ${missing}: No such file or directory\n`);
}

function list(fake: FakeIptables, args: string[]): RunResult {
  const chain = args.at(-1) ?? "";
  const table = fake[args[args.indexOf("-t") + 1] as "filter" | "nat"];
  const rules = chain === "OUTPUT" ? table.output : table.chain;
  if (rules === undefined) return NO_CHAIN;
  const head = chain === "OUTPUT" ? "-P OUTPUT ACCEPT" : `-N ${chain}`;
  const lines = rules.map((rule) => `-A ${chain} ${rule}`);
  return said(0, [head, ...lines, ""].join("\n"));
}

function restore(fake: FakeIptables, input: string): RunResult {
  const name = input.startsWith("*nat\n") ? "nat" : "filter";
  fake.restores.push(name);
  fake.beforeRestore();
  const refusal = fake.refusals[name];
  if (refusal !== undefined) return refusal;
  const output = [...fake[name].output];
  let chain: string[] | undefined;
  for (const line of input.split("\n")) {
    const [, verb, target, rule = ""] =
      /^(-\w) (\S+) ?(?:1 )?(.*)$/.exec(line) ?? [];
    if (line.startsWith(`:${CHAIN}`)) chain = [];
    else if (verb === "-A" && target === CHAIN) chain?.push(rule);
    else if (verb === "-I") output.unshift(rule);
    else if (verb === "-X") chain = undefined;
    else if (verb === "-D") {
      const at = output.indexOf(rule);
      if (at < 0) return NO_RULE;
      output.splice(at, 1);
    }
  }
  fake[name] = { output, chain };
  return said(0);
}
