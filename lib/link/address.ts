/**
 * The service's address on `lo`, as CloudStack's users have it: whoever asks
 * 169.254.169.254 on this node asks this node.
 *
 * The label of the address notes what was done for it, so that address and
 * note go together, with the network namespace as at a reboot.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import {
  answering,
  ARP_IGNORE_COMMAND,
  type ArpSettings,
} from "./arp_ignore.ts";
import {
  readArpIgnore,
  readArpSettings,
  writeArpIgnore,
} from "./arp_settings.ts";
import { type InterfaceAddress, parseAddresses } from "./ip_output.ts";
import { LinkError } from "./link_error.ts";
import { must } from "./must.ts";

/** The address of the metadata service, alone in its network. */
export const SERVICE_ADDRESS = "169.254.169.254/32";

/** No other program takes it for the source of what it sends elsewhere. */
const SCOPE = "host";

/** Labels an address for which nothing else was changed. */
const PLAIN_LABEL = "lo:c2s";

/** Labels an address for which `arp_ignore` was changed from 0 to 1. */
const ARP_LABEL = "lo:c2s-arp";

/** How adding ended. */
export interface AddedAddress {
  /** Whether it was added now, rather than there already. */
  readonly added: boolean;
  /** Whether `arp_ignore` was set now. */
  readonly arpIgnoreSet: boolean;
  /** Whether this program added it, now or before. */
  readonly ours: boolean;
}

/** How removing ended. */
export interface RemovedAddress {
  /** Whether it was there. */
  readonly removed: boolean;
  /** Whether `arp_ignore` was put back to 0. */
  readonly arpIgnoreReset: boolean;
}

/** How things stand. */
export interface AddressStatus {
  /** Whether the address is on `lo`. */
  readonly there: boolean;
  /** Whether this program added it. */
  readonly ours: boolean;
  /** The interfaces on which neighbours get an answer, or would get one. */
  readonly answering: readonly string[];
}

/**
 * Adds the address, unless it is there already.
 *
 * @param run runs `ip`, `cat` and `tee`
 * @param options whether `arp_ignore` may be set, for all interfaces, where
 * neighbours would reach the address otherwise
 * @throws {LinkError} of kind `exposed` when neighbours would reach it, of
 * another when that cannot be told or the address cannot be added; nothing is
 * changed then
 */
export async function addAddress(
  run: Runner,
  { arpIgnore }: { readonly arpIgnore: boolean },
): Promise<AddedAddress> {
  const action = `add ${SERVICE_ADDRESS} to lo`;
  const there = await find(run, action);
  const settings = await readArpSettings(run, action);
  const close = answering(settings, there?.scope ?? SCOPE).length > 0;
  if (close) {
    requireClosable(action, settings, there, arpIgnore);
    await writeArpIgnore(run, action, 1);
  }
  const label = there?.label ?? (close ? ARP_LABEL : PLAIN_LABEL);
  const added = there === undefined && await add(run, action, label, close);
  return { added, arpIgnoreSet: close, ours: isOurs(label) };
}

/**
 * Removes the address, whoever added it, and puts `arp_ignore` back to 0 if it
 * was set for it and is still as it was set.
 *
 * @param run runs `ip`, `cat` and `tee`
 * @throws {LinkError} when that cannot be told or done
 */
export async function removeAddress(run: Runner): Promise<RemovedAddress> {
  const action = `remove ${SERVICE_ADDRESS} from lo`;
  const there = await find(run, action);
  if (there === undefined) return { removed: false, arpIgnoreReset: false };
  await must(run, action, [
    ...["ip", "address", "delete", SERVICE_ADDRESS, "dev", "lo"] as const,
  ]);
  if (there.label !== ARP_LABEL) {
    return { removed: true, arpIgnoreReset: false };
  }
  const undo = "put arp_ignore back to 0";
  const arpIgnoreReset = await readArpIgnore(run, undo) === 1;
  if (arpIgnoreReset) await writeArpIgnore(run, undo, 0);
  return { removed: true, arpIgnoreReset };
}

/**
 * Tells how things stand.
 *
 * @param run runs `ip` and `cat`
 * @throws {LinkError} when it cannot be told
 */
export async function readAddress(run: Runner): Promise<AddressStatus> {
  const action = `tell whether ${SERVICE_ADDRESS} is on lo`;
  const there = await find(run, action);
  const settings = await readArpSettings(run, action);
  return {
    there: there !== undefined,
    ours: isOurs(there?.label),
    answering: answering(settings, there?.scope ?? SCOPE),
  };
}

function isOurs(label: string | undefined): boolean {
  return label === PLAIN_LABEL || label === ARP_LABEL;
}

async function find(
  run: Runner,
  action: string,
): Promise<InterfaceAddress | undefined> {
  const listed = await must(run, action, [
    ...["ip", "-o", "-4", "address", "show", "dev", "lo"] as const,
  ]);
  return parseAddresses(listed)
    .find(({ address }) => address === SERVICE_ADDRESS);
}

/** Adds it; `false` when somebody else was faster to do just that. */
async function add(
  run: Runner,
  action: string,
  label: string,
  closed: boolean,
): Promise<boolean> {
  try {
    await must(run, action, [
      ...["ip", "address", "add", SERVICE_ADDRESS, "dev", "lo"] as const,
      ...["scope", SCOPE, "label", label],
    ]);
    return true;
  } catch (error) {
    if ((await find(run, action))?.label === label) return false;
    if (closed) await writeArpIgnore(run, "put arp_ignore back to 0", 0);
    throw error;
  }
}

/**
 * Makes sure that `arp_ignore` may be set, will help, and can be put back.
 *
 * @throws {LinkError} of kind `exposed`
 */
function requireClosable(
  action: string,
  settings: ArpSettings,
  there: InterfaceAddress | undefined,
  allowed: boolean,
): void {
  const names = answering(settings, there?.scope ?? SCOPE).map((name) =>
    `"${name}"`
  ).join(", ");
  const exposed = (advice: string) =>
    new LinkError(
      "exposed",
      `Cannot ${action}: neighbours on ${names} would reach it, ${advice}`,
    );
  if (!allowed) {
    throw exposed(`run "${ARP_IGNORE_COMMAND}" or give --arp-ignore`);
  }
  const help = answering({ ...settings, all: 1 }, SCOPE).length === 0;
  if (settings.all !== 0 || !help) {
    throw exposed("arp_ignore has a value that does not keep them out");
  }
  if (there !== undefined && there.label !== ARP_LABEL) {
    throw exposed(
      `run "${ARP_IGNORE_COMMAND}": nothing would note to undo it for an address that is there already`,
    );
  }
}
