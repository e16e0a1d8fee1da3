/**
 * The node as far as it explains what a client sees: how the rule stands, who
 * is in the way, and what starts the service.
 *
 * @module
 */
import type { BackendChoice } from "../config/serve_config.ts";
import { listeningSockets, processesAt } from "../system/socket_owners.ts";
import { coveredTargets } from "../rule/machine.ts";
import { readRules, redirectTarget } from "../rule/read.ts";
import {
  DEFAULT_DESTINATION,
  type Destination,
  type Family,
} from "../rule/rule.ts";
import { readStatus, type Status } from "../rule/status.ts";
import type { Runner } from "../system/runner.ts";

/** How redirect and guard stand, as `iptables status` says. */
export type KnownStatus = Exclude<Status, { state: "unknown" }>;

/** What is known of the rule. */
export type RuleFacts =
  | {
    /** The address that was asked is none that a rule catches. */
    readonly state: "not needed";
  }
  | Extract<Status, { state: "unknown" }>
  | Omit<KnownStatus, "expected" | "found" | "warnings"> & {
    /** The port on 127.0.0.1 to which the redirect goes, or should go. */
    readonly port: number;
  };

/** What starts the service on this node, as far as it can be seen. */
export type Manager = "systemd" | "container" | "pod" | "none";

/** What the rule has to do. */
export interface ExpectedRule {
  /** What a rule would have to catch; `undefined` where none can. */
  readonly destination: Destination | undefined;
  /** The proxy's user. */
  readonly proxyUid: number;
  /** The proxy's port where no rule names one. */
  readonly defaultPort: number;
  /** The backend that is expected. */
  readonly backend: BackendChoice;
}

/** How long one command may take, in milliseconds: a report should be quick. */
const COMMAND_MS = 2_000;

/**
 * Reads the rule, its port included. Changes nothing, and needs rights to see
 * anything.
 *
 * @param expected what it has to do
 * @param run runs the commands
 */
export async function readRule(
  { destination, defaultPort, backend, proxyUid }: ExpectedRule,
  run: Runner,
): Promise<RuleFacts> {
  if (destination === undefined) return { state: "not needed" };
  const quick: Runner = (argv, options) =>
    run(argv, { timeoutMs: COMMAND_MS, ...options });
  const ip = destination.family === "ip" ? destination : DEFAULT_DESTINATION;
  const status = await readStatus(backend, async (machine) => {
    const { places } = await readRules(machine);
    const portIn = (wanted: Family) =>
      places.filter(({ family }) => family === wanted)
        .map((place) => redirectTarget(place).port)
        .find((found) => found !== undefined);
    const ip6 = portIn("ip6");
    const targets = coveredTargets(machine, {
      ip: portIn("ip") ?? defaultPort,
      ...ip6 === undefined ? {} : { ip6 },
    }, ip);
    return { state: "open", uid: proxyUid, targets };
  }, quick);
  if (status.state === "unknown") return status;
  const { expected, found: _, warnings: __, ...facts } = status;
  const redirect = expected.find(({ family }) => family === "ip");
  return { ...facts, port: redirect?.port ?? defaultPort };
}

/** Names who listens on a loopback port without being the proxy's user. */
export async function findStranger(
  port: number,
  proxyUid: number,
  run: Runner,
): Promise<string | undefined> {
  const listeners = await listeningSockets(run) ?? [];
  const other = listeners.find(({ localPort, uid }) =>
    localPort === port && uid !== proxyUid
  );
  if (other === undefined) return undefined;
  return [`uid ${other.uid}`, ...await processesAt(port, run)].join(", ");
}

/** The most processes that are named. */
const MOST_NAMED = 3;

/**
 * Names the processes in this network namespace that run as the proxy's user
 * without being the proxy.
 */
export async function findExemptProcesses(
  proxyUid: number,
  run: Runner,
): Promise<readonly string[]> {
  const [listed, own] = await Promise.all([
    run(["ps", "-eo", "pid=,uid=,netns=,args="]),
    run(["readlink", "/proc/self/ns/net"]),
  ]);
  if (typeof listed === "string" || typeof own === "string") return [];
  const here = /\d+/.exec(own.stdout)?.[0];
  return listed.stdout.split("\n").flatMap((line) => {
    const [, pid, uid, netns, args = ""] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    const isProxy = / serve(-child)?( |$)/.test(args);
    return Number(uid) === proxyUid && netns === here && !isProxy
      ? [`${args.split(" ")[0]} (pid ${pid})`]
      : [];
  }).slice(0, MOST_NAMED);
}

/** Finds what starts the service; `none` where it was started by hand. */
export async function findManager(
  env: Readonly<Record<string, string>>,
  run: Runner,
): Promise<Manager> {
  if (env.KUBERNETES_SERVICE_HOST !== undefined) return "pod";
  // Podman sets it, and other runtimes do.
  if (env.container !== undefined) return "container";
  const unit = await run(
    ["systemctl", "show", "--property=LoadState", "c2s-imds"],
  );
  return typeof unit !== "string" && unit.stdout.trim() === "LoadState=loaded"
    ? "systemd"
    : "none";
}
