/**
 * Which programs this machine has to change rules with.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
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

/** What there is. */
export interface Tools {
  /** The programs of the nft backend, by family. */
  readonly nft: Readonly<Partial<Record<Family, Xtables>>>;
  /** The programs of the legacy backend, by family. */
  readonly legacy: Readonly<Partial<Record<Family, Xtables>>>;
  /** Whether `nft` is there. */
  readonly native: boolean;
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

/**
 * Looks for the programs: those that name their backend first, plain
 * `iptables` where there is none such.
 */
export async function findTools(run: Runner): Promise<Tools> {
  const version = async (name: string): Promise<string | undefined> => {
    const result = await run([name, "--version"]);
    return typeof result === "string" || result.code !== 0
      ? undefined
      : result.stdout;
  };
  const family = async (base: "iptables" | "ip6tables") => {
    const [nft, legacy, plain] = await Promise.all([
      version(`${base}-nft`),
      version(`${base}-legacy`),
      version(base),
    ]);
    const mode = plain === undefined ? undefined : modeOf(plain);
    const pick = (own: string | undefined, backend: "nft" | "legacy") => {
      if (own !== undefined) return named(base, `-${backend}`);
      return mode === backend ? named(base) : undefined;
    };
    return { nft: pick(nft, "nft"), legacy: pick(legacy, "legacy") };
  };
  const [ip, ip6, native] = await Promise.all([
    family("iptables"),
    family("ip6tables"),
    version("nft"),
  ]);
  return {
    nft: present({ ip: ip.nft, ip6: ip6.nft }),
    legacy: present({ ip: ip.legacy, ip6: ip6.legacy }),
    native: native !== undefined,
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
 * @throws {NetfilterError} that says what to install
 */
export function requireTools(
  tools: Tools,
  backend: Backend,
  family: Family,
  action: string,
): void {
  if (has(tools, backend, family)) return;
  const program = backend === "nftables"
    ? "nft"
    : `${family === "ip" ? "iptables" : "ip6tables"}-${backend}`;
  throw new NetfilterError(
    "no tool",
    `Cannot ${action}: "${program}" is not on PATH, install ${
      PACKAGES[backend]
    }`,
  );
}

/** Says that there is nothing to change rules with. */
export function noTools(action: string): NetfilterError {
  return new NetfilterError(
    "no tool",
    `Cannot ${action}: neither iptables nor nft is on PATH, install ${PACKAGES.nft}, or ${PACKAGES.nftables}`,
  );
}
