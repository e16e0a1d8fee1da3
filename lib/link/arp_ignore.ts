/**
 * Whether neighbours get an answer when they look for an address that stands
 * on `lo`: unless told otherwise, Linux answers for it on every interface, and
 * so takes their metadata requests to this node.
 *
 * @module
 */
import type { Link } from "./ip_output.ts";

/** What an administrator runs to keep neighbours out. */
export const ARP_IGNORE_COMMAND = "sysctl -w net.ipv4.conf.all.arp_ignore=1";

/** The settings; for each interface the greater of its own and all's counts. */
export interface ArpSettings {
  /** What holds for all interfaces. */
  readonly all: number;
  /** What is set for each, by name. */
  readonly own: ReadonlyMap<string, number>;
}

/** The interfaces that ask and answer by ARP. */
export function speaksArp({ flags }: Link): boolean {
  return !flags.includes("LOOPBACK") && !flags.includes("NOARP");
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
