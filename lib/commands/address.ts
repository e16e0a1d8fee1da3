/**
 * `c2s-imds address`: the service's address on `lo`.
 *
 * @module
 */
import {
  type Option,
  parseAction,
  parseOptions,
  renderOptions,
} from "../cli/options.ts";
import { UsageError } from "../cli/message.ts";
import {
  addAddress,
  type AddressStatus,
  ARP_IGNORE_COMMAND,
  readAddress,
  removeAddress,
  SERVICE_ADDRESS,
} from "../cloudstack/address.ts";
import { isOutOfReach, LinkError } from "../cloudstack/ip_command.ts";
import { type Runner, systemRunner } from "../system/runner.ts";
import {
  cannotTell,
  type Command,
  EXIT,
  type ExitCode,
  type Io,
} from "../cli/command.ts";

const ACTIONS = ["add", "remove", "status"] as const;

const OPTIONS: readonly Option[] = [
  {
    name: "arp-ignore",
    help: "Lets add set arp_ignore, and remove put it back",
  },
  { name: "json", help: "Prints the status as one JSON object" },
];

const HELP = `Usage: c2s-imds address add|remove|status [flags]

Puts ${SERVICE_ADDRESS} on lo, so that whoever asks this address on the node
asks the node itself: for CloudStack, whose metadata service is elsewhere, with
serve --listen 169.254.169.254:PORT --listen-anywhere; serve --address does this
at start and undoes it at the end. Where the service has this address, as on EC2
and OpenStack, it could no longer be reached: there the rule (c2s-imds iptables)
is the way, and it is the recommended one everywhere.

  add     puts the address there, if it is not there yet
  remove  takes it away, whoever put it there
  status  exits with 0 there, 1 absent, 4 cannot tell

${renderOptions(OPTIONS)}

Linux answers neighbours who look for an address on lo, and so would take their
metadata requests to this node. Unless arp_ignore keeps them out on every
interface, add refuses, and names the command that sets it:
  ${ARP_IGNORE_COMMAND}
With --arp-ignore, add sets it from 0 to 1 itself and notes so in the label of
the address; remove puts back what is noted, and nothing else. Where the address
was there before without that note, arp_ignore stays set.

Needs ip from iproute2, and root with NET_ADMIN for add and remove.
`;

/**
 * Makes the subcommand.
 *
 * @param run runs the commands it needs
 */
export function createAddress(run: Runner): Command {
  return {
    name: "address",
    summary: "Puts the service's address on lo, for CloudStack",
    help: HELP,
    async run(args, io) {
      const { action, arpIgnore, json } = parse(args);
      if (action === "status") return await status(run, json, io);
      try {
        return await (action === "add"
          ? add(run, arpIgnore, io)
          : remove(run, io));
      } catch (error) {
        return cannotTell(error, io, isOutOfReach);
      }
    },
  };
}

/** The subcommand `address`. */
export const address: Command = createAddress(systemRunner);

function parse(args: readonly string[]): {
  readonly action: typeof ACTIONS[number];
  readonly arpIgnore: boolean;
  readonly json: boolean;
} {
  const { given, words } = parseOptions(args, OPTIONS);
  const action = parseAction(words, ACTIONS);
  const flag = (name: string) => given.get(name)?.[0] === "true";
  if (flag("arp-ignore") && action !== "add") {
    throw new UsageError(`Cannot use --arp-ignore with ${action}: add has it`);
  }
  if (flag("json") && action !== "status") {
    throw new UsageError(`Cannot use --json with ${action}: status has it`);
  }
  return { action, arpIgnore: flag("arp-ignore"), json: flag("json") };
}

async function add(
  run: Runner,
  arpIgnore: boolean,
  io: Io,
): Promise<ExitCode> {
  const { added, arpIgnoreSet, arpIgnoreNoted } = await addAddress(run, {
    arpIgnore,
  });
  if (arpIgnoreSet) {
    io.stdout(
      `Set arp_ignore of all interfaces to 1${
        arpIgnoreNoted ? "" : ", for good: the address was there before"
      }\n`,
    );
  }
  io.stdout(
    added
      ? `Added ${SERVICE_ADDRESS} to lo\n`
      : `${SERVICE_ADDRESS} is on lo already\n`,
  );
  return EXIT.OK;
}

async function remove(run: Runner, io: Io): Promise<ExitCode> {
  const { removed, arpIgnoreReset } = await removeAddress(run);
  io.stdout(
    removed ? `Removed ${SERVICE_ADDRESS} from lo\n` : "Nothing to remove\n",
  );
  if (arpIgnoreReset) io.stdout("Put arp_ignore of all interfaces back to 0\n");
  return EXIT.OK;
}

async function status(run: Runner, json: boolean, io: Io): Promise<ExitCode> {
  let found: AddressStatus;
  try {
    found = await readAddress(run);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const reason = error.message;
    io.stdout(
      json
        ? `${JSON.stringify({ state: "unknown", reason })}\n`
        : `${reason}\n`,
    );
    return EXIT.CANNOT_TELL;
  }
  const { there, ...others } = found;
  const state = there ? "there" : "absent";
  io.stdout(
    json ? `${JSON.stringify({ state, ...others })}\n` : render(state, found),
  );
  return there ? EXIT.OK : EXIT.FAILED;
}

function render(
  state: string,
  { there, ours, answering }: AddressStatus,
): string {
  const notes = [
    ...there && !ours ? ["not added by this program"] : [],
    ...answering.length === 0 ? [] : [
      `warning: neighbours on ${answering.join(", ")} ${
        there ? "reach it" : "would reach it"
      }, fix: ${ARP_IGNORE_COMMAND}`,
    ],
  ];
  return [state, ...notes.map((note) => `  ${note}`), ""].join("\n");
}
