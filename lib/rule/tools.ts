/**
 * The programs that this machine has to change rules with, and what is said
 * where there are none.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import type { Backend, Family } from "./rule.ts";
import { ending, RuleError } from "./rule_error.ts";

/** A program that is there, but does not even tell its version. */
export interface BrokenTool {
  /** Its name. */
  readonly command: string;
  /** What its backend is called; plain `iptables` does not say. */
  readonly backend: Backend | undefined;
  /** How it ended, as a message goes on: `"iptables-nft" ended with code 4`. */
  readonly how: string;
}

/**
 * The name of a backend's program by family; with `-restore` and `-save` after
 * it they are those that feed and list.
 */
export type Commands = Readonly<Record<Family, string | undefined>>;

/** What there is; nothing for IPv6 where the kernel has none. */
export interface Tools extends Readonly<Record<Backend, Commands>> {
  /** Whether the kernel has IPv6. */
  readonly hasIPv6: boolean;
  /** What is there but does not work, and nothing else stands in for. */
  readonly broken: readonly BrokenTool[];
}

/** Whether a backend can be used for a family here. */
export function has(tools: Tools, backend: Backend, family: Family): boolean {
  return tools[backend][family] !== undefined;
}

const PACKAGES: Readonly<Record<Backend, string>> = {
  nft: "iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine)",
  legacy: "iptables (Debian) or iptables-legacy (Fedora, Alpine)",
  nftables: "nftables",
};

/**
 * The name of a backend's program for one family: `nft`, or that of iptables.
 *
 * @throws {RuleError} that says what to install, or how what is there ended
 */
export function commandOf(
  tools: Tools,
  backend: Backend,
  family: Family,
  action: string,
): string {
  const command = tools[backend][family];
  if (command !== undefined) return command;
  const base = family === "ip" ? "iptables" : "ip6tables";
  const program = backend === "nftables" ? "nft" : `${base}-${backend}`;
  const there = tools.broken.find((tool) =>
    tool.command === program ||
    backend !== "nftables" && tool.command === base
  );
  if (there !== undefined) throw failing(there, action, family);
  throw new RuleError(
    "no tool",
    `Cannot ${action}: "${program}" is not on PATH, install ${
      PACKAGES[backend]
    }`,
    { family },
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

function failing(
  { how }: BrokenTool,
  action: string,
  family?: Family,
): RuleError {
  return new RuleError("broken tool", `Cannot ${action}: ${how}`, { family });
}

/** Says which places nobody can look into, as its programs do not work. */
export function blindSpots(tools: Tools): readonly string[] {
  return tools.broken.map(({ how }) =>
    `Cannot look for rules of its own: ${how}`
  );
}

/** What a program is: absent, broken, or of a backend. */
interface Probe {
  readonly command: string;
  readonly backend: Backend | undefined;
  readonly works: boolean;
  /** How it ended, where it is broken. */
  readonly how?: string;
}

/**
 * Looks for the programs: those that name their backend first, plain
 * `iptables` where there is none such that works.
 */
export async function findTools(run: Runner): Promise<Tools> {
  const probe = async (command: string, backend?: Backend): Promise<Probe> => {
    const result = await run([command, "--version"]);
    const found = { command, backend, works: false };
    if (result === "not found") return found;
    if (result === "timeout") {
      return { ...found, how: `"${command}" did not end in time` };
    }
    if (result.code !== 0) return { ...found, how: ending(command, result) };
    // Versions before 1.8 had only one backend and do not say.
    const isNft = result.stdout.includes("(nf_tables)");
    const mode = isNft ? "nft" as const : "legacy" as const;
    return { command, backend: backend ?? mode, works: true };
  };
  const family = (base: string) =>
    Promise.all([
      probe(`${base}-nft`, "nft"),
      probe(`${base}-legacy`, "legacy"),
      probe(base),
    ]);
  const [ip, ip6, native, kernel] = await Promise.all([
    family("iptables"),
    family("ip6tables"),
    probe("nft", "nftables"),
    run(["cat", "/proc/net/if_inet6"]),
  ]);
  const hasIPv6 = typeof kernel === "string" || kernel.code === 0;
  const command = (probes: readonly Probe[], backend: Backend) =>
    probes.find((it) => it.works && it.backend === backend)?.command;
  const broken = (probes: readonly Probe[]) =>
    probes.flatMap((it) => {
      const { command: name, backend, how } = it;
      const isNeeded = backend === undefined
        ? probes.every((other) => other === it || !other.works && !other.how)
        : command(probes, backend) === undefined;
      return how === undefined || !isNeeded
        ? []
        : [{ command: name, backend, how }];
    });
  const commands = (
    backend: Backend,
    four: readonly Probe[],
    six: readonly Probe[],
  ) => ({
    ip: command(four, backend),
    ip6: hasIPv6 ? command(six, backend) : undefined,
  });
  return {
    nft: commands("nft", ip, ip6),
    legacy: commands("legacy", ip, ip6),
    nftables: commands("nftables", [native], [native]),
    hasIPv6,
    broken: [
      ...broken(ip),
      ...hasIPv6 ? broken(ip6) : [],
      ...broken([native]),
    ],
  };
}
