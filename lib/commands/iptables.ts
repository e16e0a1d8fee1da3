/**
 * `c2s-imds iptables`: the rule that leads the node's software to the proxy.
 *
 * @module
 */
import { renderOptions } from "../cli/options.ts";
import {
  coveredTargets,
  findMachine,
  type Machine,
  openMachine,
} from "../rule/machine.ts";
import { dryRun, reconcile } from "../rule/reconcile.ts";
import { type Desired, familyName, type Place, rulesOf } from "../rule/rule.ts";
import { isOutOfReach } from "../rule/rule_error.ts";
import { readStatus } from "../rule/status.ts";
import { resolveUser } from "../rule/user.ts";
import { type Runner, systemRunner } from "../system/runner.ts";
import {
  cannotTell,
  type Command,
  EXIT,
  type ExitCode,
  type Io,
} from "../cli/command.ts";
import {
  type IptablesRequest,
  OPTIONS,
  parseRequest,
} from "./iptables_options.ts";
import {
  exitCodeOf,
  renderRule,
  renderStatus,
  renderStatusJson,
} from "./iptables_status.ts";

const HELP = `Usage: c2s-imds iptables install|remove|status [flags]

Redirects every process on the node but the proxy's own user from the metadata
service to the proxy, and guards that: what the redirect misses is refused, and
nobody else answers at the proxy's port. One chain C2S-IMDS in each of the nat
and filter tables. Needs root with NET_ADMIN, legacy iptables NET_RAW too.

  install  puts the rule in place, or changes its uid or port there
  remove   takes it out of every backend, whatever its uid and port; the flags
           of install may stand there and make no difference
  status   exits with 0 installed, 1 absent, 3 drift, 4 cannot tell

Install and remove exit with 0 done, 1 failed, 4 no permission or no iptables.

${renderOptions(OPTIONS)}

--backend auto takes the one whose rules this node has, and nftables, which is
nft without iptables, where there is no iptables.

Examples:
  c2s-imds iptables install --dry-run
  c2s-imds iptables status --json
`;

/**
 * Makes the subcommand.
 *
 * @param run runs the commands it needs
 */
export function createIptables(run: Runner): Command {
  return {
    name: "iptables",
    summary: "Installs, removes and shows the rule that leads to the proxy",
    help: HELP,
    async run(args, io) {
      const request = parseRequest(args);
      if (request.action === "remove") {
        return await orCannotTell(remove(request, run, io), io);
      }
      const uid = await resolveUser(request.user, run);
      const desiredOn = (machine: Machine): Desired => {
        const { port, ipv6, destination } = request;
        const ports = { ip: port, ...ipv6 === "redirect" ? { ip6: port } : {} };
        const targets = coveredTargets(machine, ports, destination);
        return {
          state: "open",
          uid,
          targets: targets.filter(({ family }) =>
            family === "ip" || ipv6 !== "none"
          ),
        };
      };
      if (request.action === "install") {
        return await orCannotTell(install(request, desiredOn, run, io), io);
      }
      const status = await readStatus(request.backend, desiredOn, run);
      io.stdout(
        request.json ? renderStatusJson(status) : renderStatus(status),
      );
      return exitCodeOf(status);
    },
  };
}

/** The subcommand `iptables`. */
export const iptables: Command = createIptables(systemRunner);

async function orCannotTell(work: Promise<ExitCode>, io: Io) {
  try {
    return await work;
  } catch (error) {
    return cannotTell(error, io, isOutOfReach);
  }
}

async function install(
  request: IptablesRequest,
  desiredOn: (machine: Machine) => Desired,
  run: Runner,
  io: Io,
): Promise<ExitCode> {
  const find = request.dryRun ? findMachine : openMachine;
  const machine = await find(request.backend, "install the rule", run);
  const desired = desiredOn(machine);
  if (request.dryRun) return await printDryRun(machine, desired, io);
  const { removed, warnings, reached, unguarded } = await reconcile(
    machine,
    desired,
  );
  for (const rule of rulesOf(reached)) {
    io.stdout(
      `Installed in the ${machine.backend} backend: ${renderRule(rule)}\n`,
    );
  }
  tellRemoved(removed, io);
  tellWarnings([...unguarded, ...warnings], io);
  return EXIT.OK;
}

async function remove(
  request: IptablesRequest,
  run: Runner,
  io: Io,
): Promise<ExitCode> {
  const find = request.dryRun ? findMachine : openMachine;
  const machine = await find("auto", "remove the rule", run);
  if (request.dryRun) {
    return await printDryRun(machine, { state: "absent" }, io);
  }
  const { removed, warnings, unreadable: [blind] } = await reconcile(machine, {
    state: "absent",
  });
  tellRemoved(removed, io);
  if (blind !== undefined) throw blind.error;
  if (removed.length === 0) io.stdout("Nothing to remove\n");
  tellWarnings(warnings, io);
  return EXIT.OK;
}

function tellRemoved(removed: readonly Place[], io: Io): void {
  for (const { backend, family } of removed) {
    io.stdout(`Removed from the ${backend} backend: ${familyName(family)}\n`);
  }
}

function tellWarnings(warnings: readonly string[], io: Io): void {
  for (const text of warnings) io.stderr(`warning: ${text}\n`);
}

/** What is fed goes to stdout as it is, so that it can be fed by hand. */
async function printDryRun(
  machine: Machine,
  desired: Desired,
  io: Io,
): Promise<ExitCode> {
  const { feeds, warnings } = await dryRun(machine, desired);
  tellWarnings(warnings, io);
  for (const { argv, stdin } of feeds) {
    io.stderr(`# ${argv.join(" ")}\n`);
    io.stdout(stdin);
  }
  if (feeds.length === 0) io.stderr("Nothing to change\n");
  return EXIT.OK;
}
