/**
 * `c2s-imds address`: the service's address on `lo`.
 *
 * @module
 */
import { type Option, parseAction, renderOptions } from "../cli/options.ts";
import {
  addAddress,
  type AddressStatus,
  ARP_IGNORE_COMMAND,
  readAddress,
  removeAddress,
  SERVICE_ADDRESS,
} from "../cloudstack/address.ts";
import { LinkError } from "../cloudstack/ip_command.ts";
import { type Runner, systemRunner } from "../system/runner.ts";
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";

const ACTIONS = ["add", "remove", "status"] as const;

const OPTIONS: readonly Option[] = [
  {
    name: "arp-ignore",
    help: "Lets add set arp_ignore, and remove put it back",
    of: ["add"],
  },
  {
    name: "json",
    help: "Prints the status as one JSON object",
    of: ["status"],
  },
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
    options: OPTIONS,
    actions: ACTIONS,
    async run(args, io) {
      const { action, isSet } = parseAction(args, OPTIONS, ACTIONS);
      if (action === "status") return await status(run, isSet("json"), io);
      const lines = action === "add"
        ? await add(run, isSet("arp-ignore"))
        : await remove(run);
      io.stdout(lines.map((line) => `${line}\n`).join(""));
      return EXIT.OK;
    },
  };
}

/** The subcommand `address`. */
export const address: Command = createAddress(systemRunner);

async function add(run: Runner, arpIgnore: boolean): Promise<string[]> {
  const { added, arpIgnoreSet, arpIgnoreNoted } = await addAddress(run, {
    arpIgnore,
  });
  const forGood = arpIgnoreNoted
    ? ""
    : ", for good: the address was there before";
  return [
    ...arpIgnoreSet ? [`Set arp_ignore of all interfaces to 1${forGood}`] : [],
    added
      ? `Added ${SERVICE_ADDRESS} to lo`
      : `${SERVICE_ADDRESS} is on lo already`,
  ];
}

async function remove(run: Runner): Promise<string[]> {
  const { removed, arpIgnoreReset } = await removeAddress(run);
  return [
    removed ? `Removed ${SERVICE_ADDRESS} from lo` : "Nothing to remove",
    ...arpIgnoreReset ? ["Put arp_ignore of all interfaces back to 0"] : [],
  ];
}

async function status(run: Runner, json: boolean, io: Io): Promise<ExitCode> {
  const print = (object: unknown, text: string) =>
    io.stdout(`${json ? JSON.stringify(object) : text}\n`);
  try {
    const found = await readAddress(run);
    const { there, ...others } = found;
    const state = there ? "there" : "absent";
    print({ state, ...others }, render(state, found));
    return there ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const reason = error.message;
    print({ state: "unknown", reason }, reason);
    return EXIT.CANNOT_TELL;
  }
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
  return [state, ...notes.map((note) => `  ${note}`)].join("\n");
}
