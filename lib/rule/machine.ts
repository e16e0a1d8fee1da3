/**
 * The machine as this room sees it: how commands are run, which programs are
 * there, and which backend is in use.
 *
 * @module
 */
import { missingCapabilities } from "../system/capabilities.ts";
import type { NotRun, Runner, RunResult } from "../system/runner.ts";
import type { Backend, BackendChoice } from "./rule.ts";
import { explain, lacking, RuleError } from "./rule_error.ts";
import {
  findTools,
  has,
  noTools,
  requireNoneBroken,
  requireTools,
  type Tools,
} from "./tools.ts";

/** The machine. */
export interface Machine {
  /** Runs the commands. */
  readonly run: Runner;
  /** The programs that are there. */
  readonly tools: Tools;
  /** The backend in use. */
  readonly backend: Backend;
}

/**
 * Finds the programs and chooses the backend. Changes nothing.
 *
 * @param choice what the user wants
 * @param action what it is for, as it follows "Cannot": `install the rule`
 * @throws {RuleError} where programs or capabilities are missing
 */
export async function openMachine(
  choice: BackendChoice,
  action: string,
  run: Runner,
): Promise<Machine> {
  const tools = await findTools(run);
  const backend = await chooseBackend(choice, tools, run, action);
  const machine = { run, tools, backend };
  await requireCapabilities(machine, action);
  return machine;
}

/**
 * Whether the kernel has IPv6 and this machine's backend has the programs for
 * it: then the rule covers that family, too.
 */
export async function hasIPv6(
  { run, tools, backend }: Machine,
): Promise<boolean> {
  if (!has(tools, backend, "ip6")) return false;
  const listed = await run(["cat", "/proc/net/if_inet6"]);
  return typeof listed !== "string" && listed.code === 0;
}

/**
 * Makes sure that this process may read and change rules.
 *
 * @throws {RuleError} that names the missing capability
 */
export async function requireCapabilities(
  { run, backend }: Pick<Machine, "run" | "backend">,
  action: string,
): Promise<void> {
  const missing = await missingCapabilities(WANTED[backend], run);
  if (missing.length > 0) {
    throw new RuleError(
      "no permission",
      `Cannot ${action}: ${lacking(missing, backend)}`,
    );
  }
}

const WANTED = {
  nft: ["NET_ADMIN"],
  legacy: ["NET_ADMIN", "NET_RAW"],
  nftables: ["NET_ADMIN"],
} as const;

/** Explains how a command failed, after a look at the capabilities. */
export async function failure(
  run: Runner,
  attempt: {
    readonly action: string;
    readonly command: string;
    readonly backend: Backend;
  },
  result: RunResult | NotRun,
): Promise<RuleError> {
  const missing = await missingCapabilities(WANTED[attempt.backend], run);
  return explain(attempt, result, missing);
}

/** Whether a listing has the chains that kubelet leaves as a hint. */
export function hasKubeletChains(saved: string): boolean {
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
    requireTools(tools, choice, "ip", action);
    return choice;
  }
  const nft = has(tools, "nft", "ip");
  const legacy = has(tools, "legacy", "ip");
  if (nft && legacy) return await hinted(tools, run);
  if (nft) return "nft";
  if (legacy) return "legacy";
  requireNoneBroken(tools, action);
  if (tools.native) return "nftables";
  throw noTools(tools, action);
}

/** Errors count as "no hint", as they do in iptables-wrappers. */
async function hinted(tools: Tools, run: Runner): Promise<"nft" | "legacy"> {
  const hints = async (backend: "nft" | "legacy", ...args: string[]) => {
    for (const family of ["ip", "ip6"] as const) {
      const save = tools[backend][family]?.save;
      if (save === undefined) continue;
      const result = await run([save, ...args]);
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
