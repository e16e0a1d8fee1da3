/**
 * Looks which programs this machine has to change rules with.
 *
 * @module
 */
import type { NotRun, Runner, RunResult } from "../system/runner.ts";
import { ending } from "./failure.ts";
import type { Backend, Family } from "./rule.ts";
import type { BrokenTool, Tools, Xtables } from "./tools.ts";

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
