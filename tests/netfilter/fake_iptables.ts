/**
 * An iptables of the nft backend in memory: just enough of `-save`,
 * `-restore` and `-C` to put other programs' changes between two of ours.
 *
 * @module
 */
import type { Runner, RunResult } from "../../lib/system/runner.ts";

const CHAIN = "C2S-IMDS";

/** The fake, and what a test may do to it. */
export interface FakeIptables {
  /** Answers as the programs would. */
  readonly run: Runner;
  /** The rules of OUTPUT. */
  output: string[];
  /** The rules of our chain; `undefined` where it is not there. */
  chain: string[] | undefined;
  /** Called before each transaction; may change the rules. */
  beforeRestore: () => void;
  /** How many transactions came. */
  restores: number;
  /** The answer to the next transactions, instead of doing them. */
  refusal: RunResult | undefined;
}

function said(code: number, stdout = "", stderr = ""): RunResult {
  return { code, stdout, stderr };
}

const NO_RULE = said(
  1,
  "",
  "iptables: Bad rule (does a matching rule exist in that chain?).\n",
);

/** Makes one with empty tables. */
export function createFakeIptables(): FakeIptables {
  const fake: FakeIptables = {
    output: [],
    chain: undefined,
    beforeRestore: () => {},
    restores: 0,
    refusal: undefined,
    run: ([name, ...args], { stdin = "" } = {}) =>
      Promise.resolve(
        name === "cat"
          ? said(0, "CapEff:\t0000000000003000\n")
          : !name.startsWith("iptables-nft")
          ? "not found"
          : args[0] === "--version"
          ? said(0, "iptables v1.8.9 (nf_tables)\n")
          : name.endsWith("-save")
          ? said(0, save(fake))
          : name.endsWith("-restore")
          ? restore(fake, stdin)
          : check(fake, args),
      ),
  };
  return fake;
}

function save({ output, chain }: FakeIptables): string {
  return [
    "*nat",
    ":OUTPUT ACCEPT [0:0]",
    ...chain === undefined ? [] : [`:${CHAIN} - [0:0]`],
    ...output.map((rule) => `-A OUTPUT ${rule}`),
    ...(chain ?? []).map((rule) => `-A ${CHAIN} ${rule}`),
    "COMMIT\n",
  ].join("\n");
}

function check({ output, chain }: FakeIptables, args: string[]): RunResult {
  const at = args.indexOf("-C");
  const rules = args[at + 1] === "OUTPUT" ? output : chain ?? [];
  return rules.includes(args.slice(at + 2).join(" ")) ? said(0) : NO_RULE;
}

function restore(fake: FakeIptables, input: string): RunResult {
  fake.restores++;
  fake.beforeRestore();
  if (fake.refusal !== undefined) return fake.refusal;
  const output = [...fake.output];
  let chain = fake.chain === undefined ? undefined : [...fake.chain];
  for (const line of input.split("\n")) {
    const [, verb, target, rule = ""] =
      /^(-\w) (\S+) ?(?:1 )?(.*)$/.exec(line) ??
        [];
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
  fake.output = output;
  fake.chain = chain;
  return said(0);
}
