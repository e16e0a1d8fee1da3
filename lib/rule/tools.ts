/**
 * The programs that this machine has to change rules with, and what is said
 * where there are none.
 *
 * @module
 */
import type { NotRun, Runner, RunResult } from "../system/runner.ts";
import type { Backend, Family } from "./rule.ts";
import { ending, RuleError } from "./rule_error.ts";

/** The names of one backend's programs for one family. */
export interface Xtables {
  /** Changes and checks single rules. */
  readonly command: string;
  /** Feeds a whole table at once. */
  readonly restore: string;
  /** Lists all rules. */
  readonly save: string;
}

/** A program that is there, but does not even tell its version. */
export interface BrokenTool {
  /** Its name. */
  readonly command: string;
  /** What its backend is called; plain `iptables` does not say. */
  readonly backend: Backend | undefined;
  /** How it ended, as a message goes on: `"iptables-nft" ended with code 4`. */
  readonly how: string;
}

/** What there is. */
export interface Tools {
  /** The programs of the nft backend, by family. */
  readonly nft: Readonly<Partial<Record<Family, Xtables>>>;
  /** The programs of the legacy backend, by family. */
  readonly legacy: Readonly<Partial<Record<Family, Xtables>>>;
  /** Whether `nft` is there. */
  readonly native: boolean;
  /** What is there but does not work, and nothing else stands in for. */
  readonly broken: readonly BrokenTool[];
}

/** Whether a backend can be used for a family here. */
export function has(tools: Tools, backend: Backend, family: Family): boolean {
  return backend === "nftables"
    ? tools.native
    : tools[backend][family] !== undefined;
}

const PACKAGES: Readonly<Record<Backend, string>> = {
  nft: "iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine)",
  legacy: "iptables (Debian) or iptables-legacy (Fedora, Alpine)",
  nftables: "nftables",
};

/**
 * Makes sure a backend can be used.
 *
 * @throws {RuleError} that says what to install, or how what is there
 * ended
 */
export function requireTools(
  tools: Tools,
  backend: Backend,
  family: Family,
  action: string,
): void {
  if (has(tools, backend, family)) return;
  const base = family === "ip" ? "iptables" : "ip6tables";
  const program = backend === "nftables" ? "nft" : `${base}-${backend}`;
  const there = tools.broken.find(({ command, backend: own }) =>
    command === program ||
    backend !== "nftables" && own === undefined && command === base
  );
  if (there !== undefined) throw failing(there, action);
  throw new RuleError(
    "no tool",
    `Cannot ${action}: "${program}" is not on PATH, install ${
      PACKAGES[backend]
    }`,
  );
}

/** Says that there is nothing to change rules with, or nothing that works. */
export function noTools(tools: Tools, action: string): RuleError {
  const [there] = tools.broken;
  if (there !== undefined) return failing(there, action);
  return new RuleError(
    "no tool",
    `Cannot ${action}: neither iptables nor nft is on PATH, install ${PACKAGES.nft}, or ${PACKAGES.nftables}`,
  );
}

function failing({ how }: BrokenTool, action: string): RuleError {
  return new RuleError("other", `Cannot ${action}: ${how}`);
}

/**
 * Makes sure that iptables works where it is there: a rule of ours may stand
 * where only it looks.
 *
 * @throws {RuleError} that says how it ended
 */
export function requireNoneBroken(tools: Tools, action: string): void {
  if (tools.nft.ip !== undefined || tools.legacy.ip !== undefined) return;
  const there = tools.broken.find(({ command }) =>
    command.startsWith("iptables")
  );
  if (there !== undefined) throw failing(there, action);
}

/** Says which places nobody can look into, as its programs do not work. */
export function blindSpots(tools: Tools): readonly string[] {
  return tools.broken.map(({ how }) =>
    `Cannot look for rules of its own: ${how}`
  );
}
/**
 * Which backend a program named without one is, by the answer to `--version`;
 * versions before 1.8 had only one and do not say.
 */
export function modeOf(version: string): "nft" | "legacy" {
  return version.includes("(nf_tables)") ? "nft" : "legacy";
}

function named(command: string, suffix = ""): Xtables {
  return {
    command: `${command}${suffix}`,
    restore: `${command}${suffix}-restore`,
    save: `${command}${suffix}-save`,
  };
}

/** What a program is: absent, broken, or of a version. */
type Found = "absent" | { readonly how: string } | { readonly version: string };

function foundBy(command: string, result: RunResult | NotRun): Found {
  if (result === "not found") return "absent";
  if (result === "timeout") return { how: `"${command}" did not end in time` };
  return result.code === 0
    ? { version: result.stdout }
    : { how: ending(command, result) };
}

/**
 * Looks for the programs: those that name their backend first, plain
 * `iptables` where there is none such that works.
 */
export async function findTools(run: Runner): Promise<Tools> {
  const look = async (name: string): Promise<Found> =>
    foundBy(name, await run([name, "--version"]));
  const [ip, ip6, native] = await Promise.all([
    family("iptables", look),
    family("ip6tables", look),
    look("nft"),
  ]);
  return {
    nft: present({ ip: ip.nft, ip6: ip6.nft }),
    legacy: present({ ip: ip.legacy, ip6: ip6.legacy }),
    native: works(native),
    broken: [
      ...ip.broken,
      ...ip6.broken,
      ...broken("nft", "nftables", native),
    ],
  };
}

function works(found: Found): found is { readonly version: string } {
  return found !== "absent" && "version" in found;
}

function broken(
  command: string,
  backend: Backend | undefined,
  found: Found,
): BrokenTool[] {
  return found === "absent" || "version" in found
    ? []
    : [{ command, backend, how: found.how }];
}

async function family(
  base: "iptables" | "ip6tables",
  look: (name: string) => Promise<Found>,
) {
  const [nft, legacy] = await Promise.all([
    look(`${base}-nft`),
    look(`${base}-legacy`),
  ]);
  // It is one of those two wherever both are.
  const plain = works(nft) && works(legacy) ? "absent" : await look(base);
  const mode = works(plain) ? modeOf(plain.version) : undefined;
  const pick = (own: Found, backend: "nft" | "legacy") => {
    if (works(own)) return named(base, `-${backend}`);
    return mode === backend ? named(base) : undefined;
  };
  const sets = { nft: pick(nft, "nft"), legacy: pick(legacy, "legacy") };
  const suffixed = [
    ...sets.nft === undefined ? broken(`${base}-nft`, "nft", nft) : [],
    ...sets.legacy === undefined
      ? broken(`${base}-legacy`, "legacy", legacy)
      : [],
  ];
  const nothing = sets.nft === undefined && sets.legacy === undefined;
  return {
    ...sets,
    broken: nothing && suffixed.length === 0
      ? broken(base, undefined, plain)
      : suffixed,
  };
}

function present(
  sets: Readonly<Record<Family, Xtables | undefined>>,
): Partial<Record<Family, Xtables>> {
  return {
    ...sets.ip === undefined ? {} : { ip: sets.ip },
    ...sets.ip6 === undefined ? {} : { ip6: sets.ip6 },
  };
}
