/**
 * The machine as this room sees it: which programs and rights are there to
 * change rules with, which backend is in use, and who the proxy is.
 *
 * @module
 */
import type { BackendChoice } from "../config/serve_config.ts";
import { quote, UsageError } from "../cli/message.ts";
import { refuseRoot, type User } from "../config/values.ts";
import { missingCapabilities } from "../system/capabilities.ts";
import { ending, type Runner } from "../system/runner.ts";
import {
  type Backend,
  BACKENDS,
  DEFAULT_DESTINATION,
  type Destination,
  DESTINATION_IPV6,
  FAMILIES,
  type Family,
  type Place,
  type Ports,
  type Target,
} from "./rule.ts";
import { RuleError } from "./rule_error.ts";

/** A program for the rules of one backend and family. */
export interface Tool {
  /** Its name; iptables' with `-restore` and `-save` feed and list. */
  readonly command: string;
  /** How it ended where it does not even tell its version. */
  readonly broken?: string;
}

/** What there is; nothing for IPv6 where the kernel has none. */
export type Tools = Readonly<
  Record<Backend, Readonly<Partial<Record<Family, Tool | undefined>>>>
>;

/** The machine. */
export interface Machine {
  /** Runs the commands. */
  readonly run: Runner;
  /** The programs that are there. */
  readonly tools: Tools;
  /** Whether the kernel has IPv6. */
  readonly hasIPv6: boolean;
  /** The backend in use. */
  readonly backend: Backend;
  /** What it is for, as it follows "Cannot" in messages: `install the rule`. */
  readonly action: string;
  /** Where rules of ours are looked for; in every backend unless given. */
  readonly backends?: readonly Backend[];
}

/** Whether the rules of one place can be read and changed. */
export function has(tools: Tools, { backend, family }: Place): boolean {
  const tool = tools[backend][family];
  return tool !== undefined && tool.broken === undefined;
}

const PACKAGES: Readonly<Record<Backend, string>> = {
  nft: "iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine)",
  legacy: "iptables (Debian) or iptables-legacy (Fedora, Alpine)",
  nftables: "nftables",
};

/**
 * The name of the program for one place: `nft`, or that of iptables.
 *
 * @throws {RuleError} that says what to install, or how what is there ended
 */
export function commandOf(
  { tools, action }: Pick<Machine, "tools" | "action">,
  { backend, family }: Place,
): string {
  const { command, broken } = tools[backend][family] ?? {};
  if (broken !== undefined) {
    throw new RuleError("broken tool", `Cannot ${action}: ${broken}`, {
      family,
    });
  }
  if (command !== undefined) return command;
  const base = family === "ip" ? "iptables" : "ip6tables";
  const program = backend === "nftables" ? "nft" : `${base}-${backend}`;
  throw new RuleError(
    "no tool",
    `Cannot ${action}: "${program}" is not on PATH, install ${
      PACKAGES[backend]
    }`,
    { family },
  );
}

/** Says which places nobody can look into, as its programs do not work. */
export function blindSpots({ tools }: Machine): readonly string[] {
  const broken = BACKENDS.flatMap((backend) =>
    FAMILIES.map((family) => tools[backend][family]?.broken)
  ).filter((how) => how !== undefined);
  return [...new Set(broken)].map((how) =>
    `Cannot look for rules of its own: ${how}`
  );
}

/**
 * Finds the programs and chooses the backend. Changes nothing.
 *
 * @param choice what the user wants
 * @param action what it is for
 * @throws {RuleError} where programs or capabilities are missing
 */
export async function openMachine(
  choice: BackendChoice,
  action: string,
  run: Runner,
): Promise<Machine> {
  // An ordinary user's PATH may leave out the folder that iptables is in.
  await requireRights({ backend: choice, action, run });
  const machine = await findMachine(choice, action, run);
  if (machine.backend === "legacy") await requireRights(machine);
  return machine;
}

/**
 * Makes sure of the capabilities that a backend needs.
 *
 * @throws {RuleError} where one is missing
 */
export async function requireRights(
  { backend, action, run }: Pick<Machine, "action" | "run"> & {
    readonly backend: BackendChoice;
  },
): Promise<void> {
  const isLegacy = backend === "legacy";
  const missing = await missingCapabilities(
    ["NET_ADMIN", ...isLegacy ? ["NET_RAW"] as const : []],
    run,
  );
  if (missing.length === 0) return;
  const names = missing.map((name) => `CAP_${name}`).join(" and ");
  throw new RuleError(
    "no permission",
    `Cannot ${action}: this process lacks ${names}${
      isLegacy ? ", which legacy iptables needs" : ""
    }, run it as root or give its container ${missing.join(" and ")}`,
  );
}

/**
 * Does what {@linkcode openMachine} does for somebody who only wants to know
 * what would be fed: without any capability.
 *
 * @throws {RuleError} where programs are missing
 */
export async function findMachine(
  choice: BackendChoice,
  action: string,
  run: Runner,
): Promise<Machine> {
  const kernel = await run(["cat", "/proc/net/if_inet6"]);
  const hasIPv6 = typeof kernel === "string" || kernel.code === 0;
  const parts = { run, tools: await findTools(run, hasIPv6), hasIPv6, action };
  return { ...parts, backend: await chooseBackend(choice, parts) };
}

/**
 * What the rule covers on this machine: IPv4 always, IPv6 where there is a
 * port for it, and by the guard alone where the kernel has it.
 *
 * @param ports the proxy's ports on the loopback addresses
 * @param destination the service's IPv4 address
 */
export function coveredTargets(
  { hasIPv6 }: Machine,
  ports: Ports,
  destination: Destination = DEFAULT_DESTINATION,
): readonly Target[] {
  const ip = { ...destination, port: ports.ip };
  const ip6 = { ...DESTINATION_IPV6, port: ports.ip6 };
  return ports.ip6 !== undefined || hasIPv6 ? [ip6, ip] : [ip];
}

/**
 * Looks for the programs: those that name their backend first, plain
 * `iptables` where there is none such that works.
 */
async function findTools(run: Runner, hasIPv6: boolean): Promise<Tools> {
  const probe = async (
    command: string,
    backend?: Backend,
  ): Promise<Tool & { readonly backend: Backend } | undefined> => {
    const result = await run([command, "--version"]);
    if (result === "not found") return undefined;
    if (result === "timeout" || result.code !== 0) {
      const broken = ending(command, result);
      return { command, broken, backend: backend ?? "nft" };
    }
    // Versions before 1.8 had only one backend and do not say.
    const said = result.stdout.includes("(nf_tables)") ? "nft" : "legacy";
    return { command, backend: backend ?? said };
  };
  const xtables = async (base: string) => {
    const named = await Promise.all([
      probe(`${base}-nft`, "nft"),
      probe(`${base}-legacy`, "legacy"),
    ]);
    const isWhole = named.every((it) => it && it.broken === undefined);
    const probes = isWhole ? named : [...named, await probe(base)];
    const choose = (backend: Backend): Tool | undefined => {
      const found = probes.filter((it) => it?.backend === backend);
      return found.find((it) => it?.broken === undefined) ?? found[0];
    };
    return { nft: choose("nft"), legacy: choose("legacy") };
  };
  const [ip, ip6, nft] = await Promise.all([
    xtables("iptables"),
    hasIPv6 ? xtables("ip6tables") : { nft: undefined, legacy: undefined },
    probe("nft", "nftables"),
  ]);
  return {
    nft: { ip: ip.nft, ip6: ip6.nft },
    legacy: { ip: ip.legacy, ip6: ip6.legacy },
    nftables: { ip: nft, ip6: hasIPv6 ? nft : undefined },
  };
}

/**
 * Chooses the backend: legacy rules win over nft's, and neither sees the
 * other's, so ours must stand with the node's own.
 *
 * The algorithm is that of
 * https://github.com/kubernetes-sigs/iptables-wrappers
 * (internal/iptables/detect.go), with native nft where there is no iptables.
 *
 * @throws {RuleError} where the programs for it are missing or broken
 */
async function chooseBackend(
  choice: BackendChoice,
  machine: Pick<Machine, "tools" | "action" | "run">,
): Promise<Backend> {
  const { tools, action, run } = machine;
  if (choice !== "auto") {
    commandOf(machine, { backend: choice, family: "ip" });
    return choice;
  }
  const works = (backend: Backend) => has(tools, { backend, family: "ip" });
  if (works("nft") && works("legacy")) return await hinted(tools, run);
  const found = BACKENDS.find(works);
  const broken = BACKENDS.find((backend) =>
    tools[backend].ip?.broken !== undefined
  );
  // A rule of ours may stand where only a broken iptables could look.
  if (broken !== undefined && (found === undefined || found === "nftables")) {
    commandOf(machine, { backend: broken, family: "ip" });
  }
  if (found !== undefined) return found;
  throw new RuleError(
    "no tool",
    `Cannot ${action}: neither iptables nor nft is on PATH, install ${PACKAGES.nft}, or ${PACKAGES.nftables}`,
  );
}

/** Errors count as "no hint", as they do in iptables-wrappers. */
async function hinted(tools: Tools, run: Runner): Promise<"nft" | "legacy"> {
  const hints = async (backend: "nft" | "legacy", ...args: string[]) => {
    for (const family of ["ip", "ip6"] as const) {
      if (!has(tools, { backend, family })) continue;
      const command = tools[backend][family]?.command;
      const result = await run([`${command}-save`, ...args]);
      if (typeof result !== "string" && KUBELET_CHAINS.test(result.stdout)) {
        return true;
      }
    }
    return false;
  };
  if (await hints("nft", "-t", "mangle")) return "nft";
  // Without -t, which would make the kernel create the legacy table.
  return await hints("legacy") ? "legacy" : "nft";
}

/** The chains that kubelet leaves as a hint. */
const KUBELET_CHAINS = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY)/m;

/**
 * Resolves the proxy's user, whom the kernel knows by number alone.
 *
 * @param user a user's name, or a uid
 * @throws {UsageError} when there is no such user, or for root
 */
export async function resolveUser(user: User, run: Runner): Promise<number> {
  const uid = user.uid ?? await lookUp(user, run);
  return uid === 0 ? refuseRoot(user) : uid;
}

async function lookUp(user: User, run: Runner): Promise<number> {
  const result = await run(["id", "-u", user.text]);
  if (typeof result === "string") {
    throw new UsageError(
      `Cannot look up ${quote(user.text)} for ${user.source}: ${
        ending("id", result)
      }, give the uid`,
    );
  }
  const uid = result.stdout.trim();
  if (result.code !== 0 || !/^\d+$/.test(uid)) {
    throw new UsageError(
      `Cannot use ${quote(user.text)} for ${user.source}: ` +
        "no such user here, give its uid",
    );
  }
  return Number(uid);
}
