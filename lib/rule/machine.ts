/**
 * The machine as this room sees it: how commands are run, which programs are
 * there, and which backend is in use.
 *
 * @module
 */
import { missingCapabilities } from "../system/capabilities.ts";
import type { NotRun, Runner, RunResult } from "../system/runner.ts";
import {
  type Backend,
  type BackendChoice,
  DEFAULT_DESTINATION,
  type Destination,
  DESTINATION_IPV6,
  type Family,
  type Target,
} from "./rule.ts";
import { type Attempt, explain, lacking, RuleError } from "./rule_error.ts";
import { commandOf, findTools, has, noTools, type Tools } from "./tools.ts";

/** The machine. */
export interface Machine {
  /** Runs the commands. */
  readonly run: Runner;
  /** The programs that are there. */
  readonly tools: Tools;
  /** The backend in use. */
  readonly backend: Backend;
  /** What it is for, as it follows "Cannot" in messages: `install the rule`. */
  readonly action: string;
  /** Where rules of ours are looked for; in every backend unless given. */
  readonly backends?: readonly Backend[];
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
  const machine = await findMachine(choice, action, run);
  const refused = await lackingRights(machine.backend, action, run);
  if (refused !== undefined) throw refused;
  return machine;
}

/** The error of a process without the rights that a backend needs. */
async function lackingRights(
  backend: Backend,
  action: string,
  run: Runner,
): Promise<RuleError | undefined> {
  const missing = await missingCapabilities(WANTED[backend], run);
  if (missing.length === 0) return undefined;
  return new RuleError(
    "no permission",
    `Cannot ${action}: ${lacking(missing, backend)}`,
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
  const tools = await findTools(run);
  try {
    const backend = await chooseBackend(choice, tools, run, action);
    return { run, tools, backend, action };
  } catch (error) {
    if (!(error instanceof RuleError) || error.kind !== "no tool") throw error;
    // An ordinary user's PATH may leave out the folder that they are in.
    throw await lackingRights(
      choice === "auto" ? "nft" : choice,
      action,
      run,
    ) ??
      error;
  }
}

/**
 * What the rule covers on this machine: IPv4 always, IPv6 where there is a
 * port for it, and by the guard alone where the kernel has it.
 *
 * @param ports the proxy's ports on the loopback addresses
 * @param destination the service's IPv4 address
 */
export function coveredTargets(
  { tools }: Machine,
  ports: Readonly<Partial<Record<Family, number>>>,
  destination: Destination = DEFAULT_DESTINATION,
): readonly Target[] {
  const ip = { ...destination, port: ports.ip };
  const ip6 = { ...DESTINATION_IPV6, port: ports.ip6 };
  return ports.ip6 !== undefined || tools.hasIPv6 ? [ip6, ip] : [ip];
}

const WANTED = {
  nft: ["NET_ADMIN"],
  legacy: ["NET_ADMIN", "NET_RAW"],
  nftables: ["NET_ADMIN"],
} as const;

/** Explains how a command failed, after a look at the capabilities. */
export async function failure(
  run: Runner,
  attempt: Attempt,
  result: RunResult | NotRun,
): Promise<RuleError> {
  const missing = await missingCapabilities(WANTED[attempt.backend], run);
  return explain(attempt, result, missing);
}

/** Whether a listing has the chains that kubelet leaves as a hint. */
function hasKubeletChains(saved: string): boolean {
  return /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY)/m.test(saved);
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
export async function chooseBackend(
  choice: BackendChoice,
  tools: Tools,
  run: Runner,
  action: string,
): Promise<Backend> {
  if (choice !== "auto") {
    commandOf(tools, choice, "ip", action);
    return choice;
  }
  const nft = has(tools, "nft", "ip");
  const legacy = has(tools, "legacy", "ip");
  if (nft && legacy) return await hinted(tools, run);
  if (nft) return "nft";
  if (legacy) return "legacy";
  // A rule of ours may stand where only a broken iptables could look.
  const isBroken = tools.broken.some(({ command }) =>
    command.startsWith("iptables")
  );
  if (has(tools, "nftables", "ip") && !isBroken) return "nftables";
  throw noTools(tools, action);
}

/** Errors count as "no hint", as they do in iptables-wrappers. */
async function hinted(tools: Tools, run: Runner): Promise<"nft" | "legacy"> {
  const hints = async (backend: "nft" | "legacy", ...args: string[]) => {
    for (const family of ["ip", "ip6"] as const) {
      const command = tools[backend][family];
      if (command === undefined) continue;
      const result = await run([`${command}-save`, ...args]);
      if (typeof result !== "string" && hasKubeletChains(result.stdout)) {
        return true;
      }
    }
    return false;
  };
  if (await hints("nft", "-t", "mangle")) return "nft";
  // Without -t, which would make the kernel create the legacy table.
  return await hints("legacy") ? "legacy" : "nft";
}
