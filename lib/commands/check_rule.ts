/**
 * The rule as far as it explains what a client sees.
 *
 * @module
 */
import { coveredTargets } from "../rule/machine.ts";
import {
  type Backend,
  type BackendChoice,
  DEFAULT_DESTINATION,
  type Destination,
} from "../rule/rule.ts";
import type { Runner } from "../system/runner.ts";
import { readStatus } from "../rule/status.ts";

/** What is known of the rule. */
export type RuleReading =
  | {
    /** The address that was asked is none that a rule catches. */
    readonly state: "not needed";
  }
  | {
    /** It cannot be told. */
    readonly state: "unknown";
    /** Why not, in one line. */
    readonly reason: string;
  }
  | {
    /** `blocked`: it points to a closed port, because the proxy is down. */
    readonly state: "installed" | "absent" | "drift" | "blocked";
    /** Where it is expected. */
    readonly backend: Backend;
    /** What differs, each with what is there. */
    readonly differences: readonly string[];
    /** How many connections go around it. */
    readonly directClients: number;
  };

/** How long one command may take, in milliseconds: a report should be quick. */
const COMMAND_MS = 2_000;

/**
 * Reads the rule. Changes nothing, and needs rights to see anything.
 *
 * @param destination what it has to catch; `undefined` where none can
 * @param proxy the proxy's port and uid
 * @param run runs the commands
 */
export async function readRule(
  destination: Destination | undefined,
  proxy: { readonly port: number; readonly uid: number },
  run: Runner,
): Promise<RuleReading> {
  if (destination === undefined) return { state: "not needed" };
  const quick: Runner = (argv, options) =>
    run(argv, { timeoutMs: COMMAND_MS, ...options });
  const ip = destination.family === "ip" ? destination : DEFAULT_DESTINATION;
  const read = (choice: BackendChoice, port: number, ip6: boolean) =>
    readStatus(choice, async (machine) => {
      const ports = { ip: port, ...ip6 ? { ip6: port } : {} };
      const targets = await coveredTargets(machine, ports, ip);
      return { state: "open", uid: proxy.uid, targets };
    }, quick);
  let ip6 = destination.family === "ip6";
  let status = await read("auto", proxy.port, ip6);
  if (!ip6 && status.state === "drift") {
    // `serve` redirects it where it listens on [::1].
    const both = await read("auto", proxy.port, true);
    if (both.state === "installed") status = both;
    ip6 = both.state === "installed";
  }
  if (status.state === "unknown") return status;
  const { state, backend, differences, directClients } = status;
  const reading = { backend, differences, directClients: directClients.length };
  if (state !== "drift") return { state, ...reading };
  const closed = await read(backend, BLOCKED_PORT, ip6);
  const isBlocked = closed.state !== "unknown" &&
    closed.differences.every((text) => text.startsWith("nobody listens"));
  return { state: isBlocked ? "blocked" : state, ...reading };
}

/** Where the supervisor of 0.1.0 points the rule while the proxy is down. */
const BLOCKED_PORT = 1;
