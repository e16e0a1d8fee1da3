/**
 * `c2s-imds iptables`: the rule that leads the node's software to the proxy.
 *
 * @module
 */
import { renderOptions } from "../cli/options.ts";
import { installRules, removeRules } from "../netfilter/apply.ts";
import { chooseBackend } from "../netfilter/backend.ts";
import { requireCapabilities } from "../netfilter/context.ts";
import { isOutOfReach } from "../netfilter/failure.ts";
import { dryInstall, dryRemove, type DryRun } from "../netfilter/dry_run.ts";
import type { Place } from "../netfilter/remove.ts";
import type { Rule } from "../netfilter/rule.ts";
import { readStatus } from "../netfilter/status.ts";
import { findTools } from "../netfilter/find_tools.ts";
import { blindSpots, noTools, requireNoneBroken } from "../netfilter/tools.ts";
import { resolveUser } from "../netfilter/user.ts";
import { familyName } from "../netfilter/verdict.ts";
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

Leads every process on the node but the proxy's own user from the metadata
service to the proxy: one chain C2S-IMDS in the nat table. Needs root with
NET_ADMIN, legacy iptables NET_RAW too.

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
      const rules = request.destinations.map((to) => ({
        ...to,
        port: request.port,
        uid,
      }));
      if (request.action === "install") {
        return await orCannotTell(install(request, rules, run, io), io);
      }
      const status = await readStatus(request.backend, rules, run);
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
  { backend: choice, dryRun }: IptablesRequest,
  rules: readonly Rule[],
  run: Runner,
  io: Io,
): Promise<ExitCode> {
  const action = "install the rule";
  const context = { run, tools: await findTools(run) };
  const backend = await chooseBackend(choice, context.tools, run, action);
  if (dryRun) {
    return printDryRun(await dryInstall(context, backend, rules), io);
  }
  await requireCapabilities(context, backend, action);
  const { removed, warnings } = await installRules(context, backend, rules);
  for (const rule of rules) {
    io.stdout(`Installed in the ${backend} backend: ${renderRule(rule)}\n`);
  }
  tellRemoved(removed, io);
  for (const text of warnings) io.stderr(`warning: ${text}\n`);
  return EXIT.OK;
}

async function remove(
  { destinations, dryRun }: IptablesRequest,
  run: Runner,
  io: Io,
): Promise<ExitCode> {
  const action = "remove the rule";
  const tools = await findTools(run);
  const context = { run, tools };
  if (
    !tools.native && tools.nft.ip === undefined && tools.legacy.ip === undefined
  ) {
    throw noTools(tools, action);
  }
  if (dryRun) return printDryRun(await dryRemove(context), io);
  await requireCapabilities(context, "nft", action);
  const { removed, failures: [failed] } = await removeRules(
    context,
    destinations,
  );
  tellRemoved(removed, io);
  if (failed !== undefined) throw failed.error;
  if (removed.length === 0) {
    requireNoneBroken(tools, action);
    io.stdout("Nothing to remove\n");
  }
  for (const text of blindSpots(tools)) io.stderr(`warning: ${text}\n`);
  return EXIT.OK;
}

function tellRemoved(removed: readonly Place[], io: Io): void {
  for (const { backend, family } of removed) {
    io.stdout(`Removed from the ${backend} backend: ${familyName(family)}\n`);
  }
}

/** What is fed goes to stdout as it is, so that it can be fed by hand. */
function printDryRun({ feeds, warnings }: DryRun, io: Io): ExitCode {
  for (const text of warnings) io.stderr(`warning: ${text}\n`);
  for (const { argv, stdin } of feeds) {
    io.stderr(`# ${argv.join(" ")}\n`);
    io.stdout(stdin);
  }
  if (feeds.length === 0) io.stderr("Nothing to change\n");
  return EXIT.OK;
}
