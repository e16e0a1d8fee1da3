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
  readArpSettings,
  readValues,
  writeArpIgnore,
} from "./arp_ignore.ts";
import { LinkError, runCommand } from "./ip_command.ts";

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
  /** Whether the label notes that {@linkcode removeAddress} puts it back. */
  readonly arpIgnoreNoted: boolean;
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

/** An IPv4 address of `lo`. */
export interface LoopbackAddress {
  /** `169.254.169.254/32`. */
  readonly address: string;
  /** The name under which it was given: `lo` unless told. */
  readonly label: string;
  /** How far it reaches: `host`, `link`, `global`. */
  readonly scope: string;
}

/** Reads `ip -o -4 address show dev lo`. */
export function parseAddresses(text: string): readonly LoopbackAddress[] {
  return text.split("\n").flatMap((line) => {
    const [, address, rest = ""] =
      /^\d+:\s+\S+\s+inet (\S+)\s+(.*)$/.exec(line) ?? [];
    if (address === undefined) return [];
    // The label is the last word before the lifetimes; flags precede it.
    const words = (rest.split("\\")[0] ?? "").trim().split(/\s+/);
    return [{
      address,
      label: words.at(-1) ?? "",
      scope: words[words.indexOf("scope") + 1] ?? "",
    }];
  });
}

/**
 * Adds the address, unless it is there already. Whoever could not have added
 * it learns so in both cases.
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
  const scope = (await find(run, action))?.scope ?? SCOPE;
  const settings = await readArpSettings(run, action);
  const arpIgnoreSet = answering(settings, scope).length > 0;
  if (arpIgnoreSet) {
    requireClosable(action, settings, scope, arpIgnore);
    await writeArpIgnore(run, action, 1);
  }
  const wanted = arpIgnoreSet ? ARP_LABEL : PLAIN_LABEL;
  try {
    const before = await add(run, action, wanted);
    const label = before?.label ?? wanted;
    return {
      added: before === undefined,
      arpIgnoreSet,
      arpIgnoreNoted: label === ARP_LABEL,
      ours: isOurs(label),
    };
  } catch (error) {
    if (arpIgnoreSet) await writeArpIgnore(run, "put arp_ignore back to 0", 0);
    throw error;
  }
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
  await runCommand(run, action, [
    ...["ip", "address", "delete", SERVICE_ADDRESS, "dev", "lo"] as const,
  ]);
  if (there.label !== ARP_LABEL) {
    return { removed: true, arpIgnoreReset: false };
  }
  const undo = "put arp_ignore back to 0";
  const [all] = await readValues(run, undo);
  const arpIgnoreReset = all === 1;
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
): Promise<LoopbackAddress | undefined> {
  const listed = await runCommand(run, action, [
    ...["ip", "-o", "-4", "address", "show", "dev", "lo"] as const,
  ]);
  return parseAddresses(listed)
    .find(({ address }) => address === SERVICE_ADDRESS);
}

/**
 * Adds it; the kernel says whether this process may, and whether it is there.
 *
 * @returns the address as it was there before
 */
async function add(
  run: Runner,
  action: string,
  label: string,
): Promise<LoopbackAddress | undefined> {
  try {
    await runCommand(run, action, [
      ...["ip", "address", "add", SERVICE_ADDRESS, "dev", "lo"] as const,
      ...["scope", SCOPE, "label", label],
    ]);
    return undefined;
  } catch (error) {
    const refused = !(error instanceof LinkError) || error.kind !== "other";
    const there = refused ? undefined : await find(run, action);
    if (there === undefined) throw error;
    return there;
  }
}

/**
 * Makes sure that `arp_ignore` may be set, and will help.
 *
 * @throws {LinkError} of kind `exposed`
 */
function requireClosable(
  action: string,
  settings: ArpSettings,
  scope: string,
  allowed: boolean,
): void {
  const names = answering(settings, scope).map((name) => `"${name}"`);
  const exposed = (advice: string) =>
    new LinkError(
      "exposed",
      `Cannot ${action}: neighbours on ${
        names.join(", ")
      } would reach it, ${advice}`,
    );
  if (!allowed) {
    throw exposed(`run "${ARP_IGNORE_COMMAND}" or give --arp-ignore`);
  }
  const helps = answering({ ...settings, all: 1 }, scope).length === 0;
  if (settings.all !== 0 || !helps) {
    throw exposed("arp_ignore has a value that does not keep them out");
  }
}
