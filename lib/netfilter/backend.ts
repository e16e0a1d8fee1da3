/**
 * Which backend this machine uses: legacy rules win over nft's, and neither
 * sees the other's, so ours must stand with the node's own.
 *
 * The algorithm is that of
 * https://github.com/kubernetes-sigs/iptables-wrappers
 * (internal/iptables/detect.go), with native nft where there is no iptables.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import type { Backend, BackendChoice } from "./rule.ts";
import {
  has,
  noTools,
  requireNoneBroken,
  requireTools,
  type Tools,
} from "./tools.ts";

/** Whether a listing has the chains that kubelet leaves as a hint. */
export function hasKubeletChains(saved: string): boolean {
  return /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY)/m.test(saved);
}

/**
 * Chooses the backend.
 *
 * @param choice what the user wants
 * @param action what it is for, for the message
 * @throws {NetfilterError} where the programs for it are missing or broken
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
