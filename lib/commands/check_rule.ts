/**
 * The rule as far as it explains what a client sees.
 *
 * @module
 */
import {
  type Backend,
  BLOCKED_PORT,
  DEFAULT_DESTINATION,
  type Destination,
  DESTINATION_IPV6,
  type Rule,
} from "../netfilter/rule.ts";
import type { Runner } from "../system/runner.ts";
import { readStatus, type Status } from "../netfilter/status.ts";

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
  proxy: Pick<Rule, "port" | "uid">,
  run: Runner,
): Promise<RuleReading> {
  if (destination === undefined) return { state: "not needed" };
  const quick: Runner = (argv, options) =>
    run(argv, { timeoutMs: COMMAND_MS, ...options });
  const ip = destination.family === "ip" ? destination : DEFAULT_DESTINATION;
  const ip6 = destination.family === "ip6" ? destination : DESTINATION_IPV6;
  const both = [ip6, ip].map((to) => ({ ...to, ...proxy }));
  const one = both.filter(({ family }) => family === "ip");
  let rules = destination.family === "ip" ? one : both;
  let status = await readStatus("auto", rules, quick);
  if (rules === one && hasIPv6(status)) {
    // `serve` adds it where it listens on [::1].
    rules = both;
    status = await readStatus("auto", rules, quick);
  }
  if (status.state === "unknown") return status;
  const { state, backend, differences, directClients } = status;
  const reading = { backend, differences, directClients: directClients.length };
  if (state !== "drift") return { state, ...reading };
  const closed = await readStatus(
    backend,
    rules.map((rule) => ({ ...rule, port: BLOCKED_PORT })),
    quick,
  );
  return {
    state: closed.state === "installed" ? "blocked" : state,
    ...reading,
  };
}

function hasIPv6(status: Status): boolean {
  return status.state !== "unknown" &&
    status.found.some(({ family }) => family === "ip6");
}
