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
} from "../config/serve_config.ts";
import { UsageError } from "../config/usage_error.ts";
import { isOutOfReach } from "../netfilter/failure.ts";
import { DEFAULT_DESTINATION, DESTINATION_IPV6 } from "../netfilter/rule.ts";
import { openRule, type RuleManager } from "../netfilter/rule_manager.ts";
import { resolveUser } from "../netfilter/user.ts";
import type { Log } from "../observe/log.ts";
import { ownCommand } from "../supervisor/own_command.ts";
import {
  childUser,
  PreflightError,
  type Purpose,
  requireOpenPorts,
  requireReadable,
  requireRights,
} from "../supervisor/preflight.ts";
import { rulePorts } from "../supervisor/rule_ports.ts";
import { spawnChild, type SpawnedChild } from "../supervisor/spawn.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { yieldingRule } from "../supervisor/yielding_rule.ts";
import type { Runner } from "../system/runner.ts";
import { stoppableRunner } from "../system/stoppable_runner.ts";
import { cannotTell } from "./cannot_tell.ts";
import { EXIT, type ExitCode, type Io } from "./command.ts";
import { type HeldAddress, holdAddress } from "./serve_address.ts";
import { onStopSignals } from "./stop_signals.ts";
import { logStrayErrors } from "./stray_errors.ts";
import { upstreamSource } from "./upstream_source.ts";

/** What the parent needs besides its configuration. */
export interface SupervisedParts {
  /** The outside world. */
  readonly io: Io;
  /** The log. */
  readonly log: Log;
  /** Runs iptables and the like. */
  readonly run: Runner;
  /** Tells where the proxy listens, once everything is in place. */
  readonly announce: (addresses: readonly ListenAddress[]) => void;
  /** At SIGHUP: the configuration, where some of it is to change. */
  readonly reload: () => ServeConfig | undefined;
}

/**
 * Runs `serve` with a parent and a child.
 *
 * @param config what the child serves with
 * @param node what concerns the node: the rule and the user
 * @param parts what else it needs
 * @throws {UsageError} when the user or the listeners do not fit the rule
 */
export async function serveSupervised(
  config: ServeConfig,
  node: NodeConfig,
  { io, log, run, announce, reload }: SupervisedParts,
): Promise<ExitCode> {
  if (node.iptables) requireReachable(config);
  const uid = await resolveUser(node.user, run);
  const user = await childUser(node.user.text, uid, run);
  const command = ownCommand(io.env);
  let opened: RuleManager | undefined;
  const ruling = stoppableRunner(run);
  try {
    await requireRights(purposeOf(node), Deno.uid(), run);
    await requireOpenPorts(config, run);
    await requireReadable(command, user);
    if (node.iptables) opened = await openNodeRule(config, uid, ruling.run);
  } catch (error) {
    if (error instanceof PreflightError && error.usage) {
      throw new UsageError(error.message, { cause: error });
    }
    return cannotTell(
      error,
      io,
      (it) => it instanceof PreflightError || isOutOfReach(it),
    );
  }
  let address: HeldAddress | undefined;
  const source = upstreamSource(config, { log, run, pausesMs: [] });
  let inForce = config;
  let child: SpawnedChild | undefined;
  const supervisor: Supervisor = new Supervisor({
    spawn: () =>
      child = spawnChild(command, user, inForce, {
        source,
        rule: supervisor.rule,
      }),
    rule: opened === undefined ? undefined : yieldingRule(opened),
    onStop: node.onStop,
    onCrash: node.onCrash,
    log,
    onReady: (addresses) => {
      address?.serving();
      announce(addresses);
      log.info("the proxy is in place", {
        uid,
        rule: opened === undefined ? "none" : opened.backend,
      });
    },
  });
  const silence = [
    onStopSignals(io, log, () => supervisor.stop()),
    logStrayErrors(log),
    io.onSignal("SIGHUP", () => {
      const changed = reload();
      if (changed !== undefined) {
        inForce = changed;
        child?.configure(changed);
      }
      supervisor.check();
    }),
  ];
  try {
    address = await holdAddress(node, { run, log });
    const end = await supervisor.run(config);
    return end === "stopped" ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    return cannotTell(error, io, isOutOfReach);
  } finally {
    await ruling.stop();
    source?.close();
    await address?.release();
    for (const stop of silence) stop();
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
    }: expected a listener on 127.0.0.1, where the rule leads to`,
  );
}

/** IPv6 is redirected where a listener on [::1] can take it. */
function openNodeRule(
  config: ServeConfig,
  uid: number,
  run: Runner,
): Promise<RuleManager> {
  const ipv6 = rulePorts(config.listen).ip6 !== undefined;
  return openRule({
    uid,
    destinations: ipv6
      ? [DESTINATION_IPV6, DEFAULT_DESTINATION]
      : [DEFAULT_DESTINATION],
    backend: "auto",
  }, run);
}
