/**
 * The programs that this machine has to change rules with, and what is said
 * where there are none.
 *
 * @module
 */
import { NetfilterError } from "./failure.ts";
import type { Backend, Family } from "./rule.ts";

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
 * @throws {NetfilterError} that says what to install, or how what is there
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
  throw new NetfilterError(
    "no tool",
    `Cannot ${action}: "${program}" is not on PATH, install ${
      PACKAGES[backend]
    }`,
  );
}

/** Says that there is nothing to change rules with, or nothing that works. */
export function noTools(tools: Tools, action: string): NetfilterError {
  const [there] = tools.broken;
  if (there !== undefined) return failing(there, action);
  return new NetfilterError(
    "no tool",
    `Cannot ${action}: neither iptables nor nft is on PATH, install ${PACKAGES.nft}, or ${PACKAGES.nftables}`,
  );
}

function failing({ how }: BrokenTool, action: string): NetfilterError {
  return new NetfilterError("other", `Cannot ${action}: ${how}`);
}

/**
 * Makes sure that iptables works where it is there: a rule of ours may stand
 * where only it looks.
 *
 * @throws {NetfilterError} that says how it ended
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
