/**
 * `serve` as root: a parent that keeps root, and the rule where it is wanted,
 * over a child that does the work as another user.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type {
  ListenAddress,
  NodeConfig,
  ServeConfig,
  WholeConfig,
} from "../config/serve_config.ts";
import { UsageError } from "../cli/message.ts";
import type { Log } from "../system/log.ts";
import {
  coveredTargets,
  findMachine,
  requireRights as requireBackendRights,
  resolveUser,
} from "../rule/machine.ts";
import type { Reading } from "../rule/read.ts";
import { look, reconcile, requireAlone } from "../rule/reconcile.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import { answerChild } from "../supervisor/questions.ts";
import { rulePorts } from "../rule/rule.ts";
import {
  type ChildProcess,
  controlChild,
  startChildProcess,
} from "../supervisor/child_process.ts";
import { otherAddress } from "../supervisor/other_port.ts";
import { ownCommand } from "../supervisor/own_command.ts";
import {
  childUser,
  type Purpose,
  requireOpenPorts,
  requireRights,
  warnOfSynCookies,
} from "../supervisor/preflight.ts";
import { doubtfulFamilies, routeFault } from "../supervisor/route.ts";
import {
  retryOnConflict,
  RuleKeeper,
  type Where,
} from "../supervisor/rule_keeper.ts";
import { type SupervisedRule, Supervisor } from "../supervisor/supervisor.ts";
import { socketOwners } from "../system/socket_owners.ts";
import {
  type Runner,
  stoppableRunner,
  systemRunner,
} from "../system/runner.ts";
import { EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { type HeldAddress, holdAddress } from "./serve_address.ts";
import type { StopSignals } from "./stop.ts";

/** What `serve` needs besides its configuration. */
export interface ServeParts {
  /** The outside world. */
  readonly io: Io;
  /** The log. */
  readonly log: Log;
  /** The signals, which it listens for already. */
  readonly signals: StopSignals;
  /** Tells where the upstream is, if that moves. */
  readonly source: UpstreamSource | undefined;
  /** Tells where the proxy listens, once everything is in place. */
  readonly announce: (addresses: readonly ListenAddress[]) => void;
  /** At SIGHUP: the configuration, where some of it is to change. */
  readonly reload: () => ServeConfig | undefined;
}

/**
 * Runs `serve` with a parent and a child.
 *
 * @param config the configuration
 * @param parts what else it needs
 * @throws {UsageError} when the user or the listeners do not fit the rule
 */
export async function serveSupervised(
  config: WholeConfig,
  { io, log, signals, source, announce, reload }: ServeParts,
): Promise<ExitCode> {
  const run = systemRunner;
  if (config.iptables) requireReachable(config);
  const uid = await resolveUser(config.user, run);
  const [user] = await Promise.all([
    childUser(config.user.text, uid, run),
    requireRights(purposeOf(config), Deno.uid(), run),
  ]);
  const command = ownCommand(io.env);
  const owners = socketOwners(run);
  const ruling = stoppableRunner(run);
  // It takes its time to start, and is told nothing before all is checked.
  let early: ChildProcess | undefined = startChildProcess(command, user);
  let rule: (SupervisedRule & { readonly backend: string }) | undefined;
  let address: HeldAddress | undefined;
  try {
    [rule] = await Promise.all([
      config.iptables ? openRule(config, uid, log, ruling.run) : undefined,
      requireOpenPorts(config, run),
    ]);
    address = await holdAddress(config, { run, log });
    const supervisor = new Supervisor(config, {
      spawn(config) {
        const started = early ?? startChildProcess(command, user);
        early = undefined;
        const child = controlChild(
          started,
          { log, stderr: io.stderr },
          config,
          rule && { tally: rule.keeper.tally },
        );
        answerChild(child, { source, rule: rule?.keeper, owners });
        return child;
      },
      rule,
      order: signals.order,
      onStop: config.onStop,
      onCrash: config.onCrash,
      log,
      onReady(addresses) {
        address?.serving();
        announce(addresses);
        const fields = { uid, rule: rule?.backend ?? "none" };
        log.info("the proxy is in place", fields);
        if (rule !== undefined) warnOfSynCookies(run, log);
      },
    });
    signals.reload = () => supervisor.reload(reload());
    rule?.keeper.run();
    return await supervisor.run() ? EXIT.OK : EXIT.FAILED;
  } finally {
    early?.kill();
    rule?.keeper.close();
    await ruling.stop();
    await address?.release();
  }
}

function purposeOf({ iptables, address }: NodeConfig): Purpose {
  if (iptables) return "keep the rule";
  return address ? "keep the address" : "drop root";
}

/** The rule only reaches a listener on 127.0.0.1. */
function requireReachable(config: ServeConfig): void {
  if (rulePorts(config.listen).ip !== undefined) return;
  throw new UsageError(
    `Cannot use --iptables with --listen ${
      config.listen.map(formatAddress).join(" ")
    }: expected a listener on 127.0.0.1, to which the rule redirects`,
  );
}

/** How long what was read before the proxy listened counts, in milliseconds. */
const FRESH_MS = 1_000;

/** The rule of this node, and what is done on the node for it. */
async function openRule(
  { backend, listenAnywhere }: WholeConfig,
  uid: number,
  log: Log,
  run: Runner,
): Promise<SupervisedRule & { readonly backend: string }> {
  const machine = await findMachine(backend, "install the rule", run);
  if (machine.backend === "legacy") await requireBackendRights(machine);
  // The child's process starts meanwhile, but must not listen yet: on the rule's
  // port and as its uid, it would be another instance.
  const reading = await retryOnConflict(() => requireAlone(machine));
  let known: { readonly reading: Reading; readonly at: number } | undefined = {
    reading,
    at: performance.now(),
  };
  /** What was read a moment ago, once. */
  const takeKnown = () => {
    const taken = known;
    known = undefined;
    if (taken === undefined) return undefined;
    return performance.now() - taken.at < FRESH_MS ? taken.reading : undefined;
  };
  const looking = (where: Where) =>
    where === "in use" ? { ...machine, backends: [machine.backend] } : machine;
  return {
    backend: machine.backend,
    keeper: new RuleKeeper({
      reconcile(desired, ownPorts, where) {
        const action = `${
          desired.state === "open" ? "install" : "remove"
        } the rule`;
        const acting = { ...looking(where), action };
        return reconcile(acting, desired, ownPorts, takeKnown());
      },
      doubtful: (desired, part) =>
        doubtfulFamilies(desired, part, !listenAnywhere),
      look: (desired) => look(machine, desired),
      route: (desired) => routeFault(desired, run),
    }, log),
    open(addresses) {
      const targets = coveredTargets(machine, rulePorts(addresses));
      return { state: "open", uid, targets };
    },
    otherAddress: (taken) => otherAddress(taken, uid, { run, log }),
  };
}
