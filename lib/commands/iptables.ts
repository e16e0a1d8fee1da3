/**
 * `c2s-imds iptables`: the rule that redirects the node's software to the proxy.
 *
 * @module
 */
import type { BackendChoice } from "../config/serve_config.ts";
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { oneLine } from "../cli/message.ts";
import {
  isIPv4,
  parseListenAddress,
  parseRemotePort,
} from "../config/address.ts";
import {
  type Option,
  parseAction,
  refuse,
  renderOptions,
  type SourcedValue,
} from "../cli/options.ts";
import { OPTIONS as SERVE } from "../config/serve_options.ts";
import {
  coveredTargets,
  findMachine,
  type Machine,
  openMachine,
  resolveUser,
} from "../rule/machine.ts";
import { dryRun, reconcile } from "../rule/reconcile.ts";
import {
  DEFAULT_DESTINATION,
  type Desired,
  type Destination,
  familyName,
  loopback,
  renderDestination,
  type Rule,
  rulesOf,
} from "../rule/rule.ts";
import { readStatus, type Status } from "../rule/status.ts";
import { type Runner, systemRunner } from "../system/runner.ts";

const CODES: Readonly<Record<Status["state"], ExitCode>> = {
  installed: EXIT.OK,
  absent: EXIT.FAILED,
  drift: EXIT.DRIFT,
  unknown: EXIT.CANNOT_TELL,
};

const ACTIONS = ["install", "remove", "status"] as const;

const OPTIONS: readonly Option[] = [
  { ...SERVE.user, help: "The proxy's user, who is exempt; not root" },
  {
    name: "port",
    value: "PORT",
    help: "The proxy's port on 127.0.0.1",
    fallback: "4000",
  },
  {
    name: "destination",
    value: "HOST:PORT",
    help: "The metadata service's IPv4 address",
    fallback: renderDestination(DEFAULT_DESTINATION),
  },
  {
    name: "ipv6",
    help: "Redirects IPv6 too, to [::1]; false leaves it alone",
  },
  SERVE.backend,
  {
    name: "dry-run",
    help: "Prints what would be fed to iptables",
    of: ["install", "remove"],
  },
  {
    name: "json",
    help: "Prints the status as one JSON object",
    of: ["status"],
  },
];

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
    summary: "Installs, removes and shows the rule that redirects to the proxy",
    help: HELP,
    options: OPTIONS,
    actions: ACTIONS,
    async run(args, io) {
      const { action, user, backend, isDry, isJson, ...wanted } = parse(args);
      if (action === "remove") {
        const absent = () => ({ state: "absent" }) as const;
        return await change("auto", "remove the rule", absent, isDry, run, io);
      }
      const uid = await resolveUser(user, run);
      const open = (machine: Machine) => desiredOn(machine, uid, wanted);
      if (action === "install") {
        return await change(backend, "install the rule", open, isDry, run, io);
      }
      const status = await readStatus(backend, open, run);
      io.stdout(
        isJson ? `${JSON.stringify(status)}\n` : renderStatus(status),
      );
      return CODES[status.state];
    },
  };
}

/** The subcommand `iptables`. */
export const iptables: Command = createIptables(systemRunner);

function parse(args: readonly string[]) {
  const { action, values, value, isSet } = parseAction(args, OPTIONS, ACTIONS);
  return {
    action,
    user: SERVE.user.parse(value("user")),
    port: parseRemotePort(value("port")),
    destination: parseDestination(value("destination")),
    ipv6: values.has("ipv6") ? isSet("ipv6") : undefined,
    backend: SERVE.backend.parse(value("backend")),
    isDry: isSet("dry-run"),
    isJson: isSet("json"),
  };
}

function parseDestination(value: SourcedValue): Destination {
  const { hostname, port } = parseListenAddress(value);
  if (!isIPv4(hostname)) {
    refuse(value, "an IPv4 address and a port, --ipv6 adds the IPv6 one");
  }
  if (port === 0) refuse(value, "a port from 1 to 65535");
  return { family: "ip", address: hostname, addressPort: port };
}

/**
 * What shall stand on a machine.
 *
 * @param wanted whether IPv6 is redirected, too, left alone, or only guarded
 */
function desiredOn(
  machine: Machine,
  uid: number,
  { port, destination, ipv6 }: Pick<
    ReturnType<typeof parse>,
    "port" | "destination" | "ipv6"
  >,
): Desired {
  const ports = { ip: port, ...ipv6 ? { ip6: port } : {} };
  const targets = coveredTargets(machine, ports, destination)
    .filter(({ family }) => family === "ip" || ipv6 !== false);
  return { state: "open", uid, targets };
}

async function change(
  backend: BackendChoice,
  action: string,
  desiredOn: (machine: Machine) => Desired,
  isDry: boolean,
  run: Runner,
  io: Io,
): Promise<ExitCode> {
  if (isDry) {
    const machine = await findMachine(backend, action, run);
    return await printDryRun(machine, desiredOn(machine), io);
  }
  const machine = await openMachine(backend, action, run);
  return await install(machine, desiredOn(machine), io);
}

async function install(
  machine: Machine,
  desired: Desired,
  io: Io,
): Promise<ExitCode> {
  const { removed, warnings, reached, unguarded } = await reconcile(
    machine,
    desired,
  );
  const lines = [
    ...rulesOf(reached).map((rule) =>
      `Installed in the ${machine.backend} backend: ${renderRule(rule)}`
    ),
    ...removed.map(({ backend, family }) =>
      `Removed from the ${backend} backend: ${familyName(family)}`
    ),
  ];
  if (lines.length === 0) lines.push("Nothing to remove");
  for (const line of lines) io.stdout(`${line}\n`);
  tellWarnings([...unguarded, ...warnings], io);
  return EXIT.OK;
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

function tellWarnings(warnings: readonly string[], io: Io): void {
  for (const text of warnings) io.stderr(`warning: ${text}\n`);
}

/** What a rule does, for people. */
function renderRule(rule: Rule): string {
  const { family, port, uid } = rule;
  const what = port === undefined
    ? "is refused"
    : `goes to ${loopback(family, port)}`;
  return `${renderDestination(rule)} ${what}, except from uid ${uid}`;
}

/**
 * The status for people: the word, then one indented line a fact; where it
 * cannot be told, the reason alone.
 */
function renderStatus(status: Status): string {
  if (status.state === "unknown") return `${oneLine(status.reason)}\n`;
  const { state, backend, expected, differences, found } = status;
  const warnings = [
    ...status.unguarded,
    ...status.diversions.map(({ why, next }) => `${why}; ${next}`),
    ...status.warnings,
  ];
  const lines = [
    `backend: ${backend}`,
    ...expected.map((rule) => `expected: ${renderRule(rule)}`),
    ...differences.map((text) => `differs: ${text}`),
    ...found.flatMap(({ backend, family, rules }) =>
      rules.map((rule) => `${familyName(family)}, ${backend}: ${rule}`)
    ),
    ...warnings.map((text) => `warning: ${text}`),
  ];
  return [state, ...lines.map((line) => `  ${oneLine(line)}`), ""].join("\n");
}
