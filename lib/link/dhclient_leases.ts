/**
 * The leases of ISC's dhclient, which appends each to its file as it comes:
 * dhclient.leases(5).
 *
 * @module
 */
import { routerAddress } from "./router_address.ts";

/** One lease out of a file. */
interface Lease {
  readonly interface: string | undefined;
  readonly server: string | undefined;
  /** When it ends, in milliseconds since 1970; never unless it says so. */
  readonly expiresMs: number;
}

/**
 * Reads the DHCP server out of the last lease of an interface. A lease that
 * has expired may have come with the disk image, from another network.
 *
 * @param text the file
 * @param device the interface
 * @param nowMs the time, in milliseconds since 1970
 */
export function parseDhclientLeases(
  text: string,
  device: string,
  nowMs: number,
): string | undefined {
  const lease = leases(text).findLast((one) => one.interface === device);
  return lease === undefined || lease.expiresMs <= nowMs
    ? undefined
    : routerAddress(lease.server);
}

/** The IPv4 leases; those of IPv6 begin with `lease6`. */
function leases(text: string): readonly Lease[] {
  return [...text.matchAll(/^lease\s*\{\s*$([^]*?)^\}/gm)].map(([, body]) => {
    const value = (name: string) =>
      new RegExp(`^\\s*${name}\\s+(.*?);`, "m").exec(body ?? "")?.[1];
    return {
      interface: value("interface")?.replace(/^"(.*)"$/, "$1"),
      server: value("option dhcp-server-identifier"),
      expiresMs: expiry(value("expire")),
    };
  });
}

/** Reads `5 2026/11/20 23:59:59`, in UTC, `epoch 1795219199` or `never`. */
function expiry(written: string | undefined): number {
  const epoch = /^epoch (\d+)/.exec(written ?? "")?.[1];
  if (epoch !== undefined) return Number(epoch) * 1000;
  const [, year, month, day, time] =
    /^\d (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d)/.exec(written ?? "") ?? [];
  const parsed = Date.parse(`${year}-${month}-${day}T${time}Z`);
  return Number.isNaN(parsed) ? Infinity : parsed;
}
