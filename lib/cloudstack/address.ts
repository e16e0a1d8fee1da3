/**
 * The service's address on `lo`, as CloudStack's users have it: whoever asks
 * 169.254.169.254 on this node asks this node.
 *
 * By default Linux answers neighbours who look for an address on `lo`, on every
 * interface, and so takes their metadata requests to this node. `arp_ignore`
 * decides. The label of the address notes whether it was changed for it, so
 * that address and note go together, with the network namespace as at a reboot.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { isOutOfReach, LinkError, runCommand } from "./ip_command.ts";

/** The address of the metadata service, alone in its network. */
export const SERVICE_ADDRESS = "169.254.169.254/32";

/** What an administrator runs to keep neighbours out. */
export const ARP_IGNORE_COMMAND = "sysctl -w net.ipv4.conf.all.arp_ignore=1";

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

/**
 * Adds the address, unless it is there already. Whoever could not have added
 * it learns so in both cases.
 *
 * @param run runs `ip`, `cat` and `tee`
 * @param options whether `arp_ignore` may be set, for all interfaces, where
 * neighbours would reach the address otherwise
 * @throws {LinkError} when neighbours would reach it, when that cannot be told,
 * or when the address cannot be added; nothing is changed then
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
    if (arpIgnoreSet) await writeArpIgnore(run, UNDO, 0);
    throw error;
  }
}

const UNDO = "put arp_ignore back to 0";

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
  const arpIgnoreReset = there.label === ARP_LABEL &&
    (await readArpIgnore(run, UNDO))[0] === 1;
  if (arpIgnoreReset) await writeArpIgnore(run, UNDO, 0);
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

/** The address as it stands on `lo`. */
interface FoundAddress {
  /** How far it reaches: `host`, `link`, `global`. */
  readonly scope: string;
  /** The name under which it was given: `lo` unless told. */
  readonly label: string;
}

async function find(
  run: Runner,
  action: string,
): Promise<FoundAddress | undefined> {
  const listed = await runCommand(run, action, [
    ...["ip", "-o", "-4", "address", "show", "dev", "lo"] as const,
  ]);
  // The label is the last word before the lifetimes; flags precede it.
  const [, scope = "", label = ""] =
    / inet 169\.254\.169\.254\/32 .*\bscope (\S+) (?:[^\\\n]* )?([^\s\\]+)\s*\\/
      .exec(listed) ?? [];
  return scope === "" ? undefined : { scope, label };
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
): Promise<FoundAddress | undefined> {
  try {
    await runCommand(run, action, [
      ...["ip", "address", "add", SERVICE_ADDRESS, "dev", "lo"] as const,
      ...["scope", SCOPE, "label", label],
    ]);
    return undefined;
  } catch (error) {
    const there = isOutOfReach(error) ? undefined : await find(run, action);
    if (there === undefined) throw error;
    return there;
  }
}

/** `arp_ignore`; for each interface the greater of its own and all's counts. */
interface ArpSettings {
  readonly all: number;
  /** What is set for each that speaks ARP, by name. */
  readonly own: ReadonlyMap<string, number>;
}

/**
 * Makes sure that `arp_ignore` may be set, and will help.
 *
 * @throws {LinkError} where not
 */
function requireClosable(
  action: string,
  settings: ArpSettings,
  scope: string,
  allowed: boolean,
): void {
  const helps = settings.all === 0 &&
    answering({ ...settings, all: 1 }, scope).length === 0;
  if (allowed && helps) return;
  const names = answering(settings, scope).map((name) => `"${name}"`);
  const advice = allowed
    ? "arp_ignore has a value that does not keep them out"
    : `run "${ARP_IGNORE_COMMAND}" or give --arp-ignore`;
  throw new LinkError(
    `Cannot ${action}: neighbours on ${
      names.join(", ")
    } would reach it, ${advice}`,
  );
}

/**
 * The values under which no interface but `lo` answers for an address on `lo`.
 * https://docs.kernel.org/networking/ip-sysctl.html: 1 and 2 ask that the
 * address is on the interface, 3 does not answer for addresses of scope host,
 * 8 answers for none, 4 to 7 are reserved and change nothing.
 */
function silences(value: number, scope: string): boolean {
  return value === 1 || value === 2 || value === 8 ||
    value === 3 && scope === "host";
}

/** Which interfaces would answer neighbours who look for an address. */
function answering(
  { all, own }: ArpSettings,
  scope: string,
): readonly string[] {
  return [...own]
    .filter(([, value]) => !silences(Math.max(all, value), scope))
    .map(([name]) => name);
}

/** How often settings are read before a failure counts. */
const MOST_READS = 3;

async function readArpSettings(
  run: Runner,
  action: string,
): Promise<ArpSettings> {
  for (let tries = MOST_READS;; tries--) {
    try {
      const names = arpInterfaces(
        await runCommand(run, action, ["ip", "-o", "link", "show"]),
      );
      const [all = 0, ...own] = await readArpIgnore(run, action, names);
      return { all, own: new Map(names.map((name, i) => [name, own[i] ?? 0])) };
    } catch (error) {
      // An interface may go away between the listing and the reading.
      if (isOutOfReach(error) || tries === 1) throw error;
    }
  }
}

/** Reads `ip -o link show`: the names of the interfaces that speak ARP. */
function arpInterfaces(text: string): readonly string[] {
  // After an @ stands the other end or the parent of the interface.
  const lines = text.matchAll(/^\d+:\s+([^\s@]+)(?:@\S+)?:\s+<([^>]*)>/gm);
  return [...lines].flatMap(([, name = "", flags = ""]) =>
    /\b(?:LOOPBACK|NOARP)\b/.test(flags) ? [] : [name]
  );
}

/**
 * Reads `arp_ignore` for all interfaces, then for each that is named; through
 * `cat`, because Deno opens /proc only with every permission.
 */
async function readArpIgnore(
  run: Runner,
  action: string,
  names: readonly string[] = [],
): Promise<readonly number[]> {
  const files = ["all", ...names].map(arpIgnoreFile);
  const text = await runCommand(run, action, ["cat", ...files]);
  const lines = text.trim().split("\n");
  const isWhole = lines.length === files.length &&
    lines.every((line) => /^\d+$/.test(line));
  if (!isWhole) {
    throw new LinkError(`Cannot ${action}: arp_ignore is unreadable`);
  }
  return lines.map(Number);
}

async function writeArpIgnore(
  run: Runner,
  action: string,
  value: 0 | 1,
): Promise<void> {
  await runCommand(run, action, ["tee", arpIgnoreFile("all")], `${value}\n`);
}

function arpIgnoreFile(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/arp_ignore`;
}
