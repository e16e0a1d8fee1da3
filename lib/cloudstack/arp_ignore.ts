/**
 * Whether neighbours get an answer when they look for an address that stands
 * on `lo`: by default Linux answers for it on every interface, and so takes
 * their metadata requests to this node. `arp_ignore` decides.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { LinkError, runCommand } from "./ip_command.ts";

/** What an administrator runs to keep neighbours out. */
export const ARP_IGNORE_COMMAND = "sysctl -w net.ipv4.conf.all.arp_ignore=1";

/** The settings; for each interface the greater of its own and all's counts. */
export interface ArpSettings {
  /** What holds for all interfaces. */
  readonly all: number;
  /** What is set for each that speaks ARP, by name. */
  readonly own: ReadonlyMap<string, number>;
}

/** How often they are read before a failure counts. */
const MOST_READS = 3;

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

/**
 * Which interfaces would answer neighbours.
 *
 * @param settings what is set
 * @param scope the scope of the address
 */
export function answering(
  { all, own }: ArpSettings,
  scope: string,
): readonly string[] {
  return [...own]
    .filter(([, value]) => !silences(Math.max(all, value), scope))
    .map(([name]) => name);
}

/** Reads `ip -o link show`: the names of the interfaces that speak ARP. */
export function parseArpInterfaces(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    // After an @ stands the other end or the parent of the interface.
    const [, name, flags = ""] =
      /^\d+:\s+([^\s@]+)(?:@\S+)?:\s+<([^>]*)>/.exec(line) ?? [];
    return name === undefined || /\b(?:LOOPBACK|NOARP)\b/.test(flags)
      ? []
      : [name];
  });
}

/**
 * Reads the settings of every interface that speaks ARP.
 *
 * @param run runs `ip` and `cat`
 * @param action what it is for, for the message
 * @throws {LinkError} when they cannot be read
 */
export async function readArpSettings(
  run: Runner,
  action: string,
): Promise<ArpSettings> {
  for (let tries = MOST_READS;; tries--) {
    try {
      const names = parseArpInterfaces(
        await runCommand(run, action, ["ip", "-o", "link", "show"]),
      );
      const [all = 0, ...own] = await readValues(run, action, names);
      return { all, own: new Map(names.map((name, i) => [name, own[i] ?? 0])) };
    } catch (error) {
      // An interface may go away between the listing and the reading.
      const mayHelp = error instanceof LinkError && error.kind === "other";
      if (!mayHelp || tries === 1) throw error;
    }
  }
}

/**
 * Reads `arp_ignore` for all interfaces, then for each that is named.
 *
 * @param run runs `cat`, because Deno opens /proc only with every permission
 * @param action what it is for, for the message
 * @throws {LinkError} when it cannot be read
 */
export async function readValues(
  run: Runner,
  action: string,
  names: readonly string[] = [],
): Promise<readonly number[]> {
  const text = await runCommand(run, action, [
    "cat",
    ...["all", ...names].map(fileOf),
  ]);
  const lines = text.trim().split("\n");
  if (
    lines.length !== names.length + 1 ||
    !lines.every((line) => /^\d+$/.test(line))
  ) {
    throw new LinkError("other", `Cannot ${action}: arp_ignore is unreadable`);
  }
  return lines.map(Number);
}

/**
 * Sets `arp_ignore` for all interfaces.
 *
 * @param run runs `tee`
 * @param action what it is for, for the message
 * @throws {LinkError} when it cannot be written
 */
export async function writeArpIgnore(
  run: Runner,
  action: string,
  value: 0 | 1,
): Promise<void> {
  await runCommand(run, action, ["tee", fileOf("all")], `${value}\n`);
}

function fileOf(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/arp_ignore`;
}
