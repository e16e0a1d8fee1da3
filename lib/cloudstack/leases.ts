/**
 * The forms in which DHCP clients keep their leases, each read for the one
 * thing discovery needs: the address of the DHCP server.
 *
 * @module
 */
import { isIPv4 } from "../config/address.ts";

/**
 * Takes an address if a router can have it: IPv4, for CloudStack serves
 * metadata over nothing else, and neither this host, nor all hosts, nor none.
 *
 * @param text what stands where an address should
 */
export function routerAddress(text: string | undefined): string | undefined {
  if (text === undefined || !isIPv4(text)) return undefined;
  const first = Number(text.split(".")[0]);
  return first === 0 || first === 127 || first >= 224 ? undefined : text;
}

/**
 * Reads a lease of systemd-networkd: `/run/systemd/netif/leases/IFINDEX`,
 * which NetworkManager wrote in that form too, before 1.22.
 *
 * The file calls itself private; cloud-init has relied on it since 2017, and
 * dhcp_lease_save() in systemd's sd-dhcp-lease.c still writes this key.
 *
 * @param text the file
 */
export function parseNetworkdLease(text: string): string | undefined {
  const values = [...text.matchAll(/^SERVER_ADDRESS="?([^"\s]*)"?\s*$/gm)];
  return routerAddress(values.at(-1)?.[1]);
}

/**
 * Reads what NetworkManager, from 1.40 on, keeps of an interface in
 * `/run/NetworkManager/devices/IFINDEX`: a key file whose section `dhcp4`
 * holds the options of the lease. Its lease files hold the address alone.
 *
 * @param text the file
 */
export function parseNetworkManagerState(text: string): string | undefined {
  let section = "";
  let found: string | undefined;
  for (const line of text.split("\n")) {
    const header = /^\s*\[(.*)\]\s*$/.exec(line);
    if (header !== null) section = header[1] ?? "";
    const [, value] =
      /^\s*(?:dhcp4\.)?dhcp_server_identifier\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (section === "dhcp4" && value !== undefined) found = value;
  }
  return routerAddress(found);
}

/** One lease out of a file of dhclient. */
interface Lease {
  readonly interface: string | undefined;
  readonly server: string | undefined;
  /** When it ends, in milliseconds since 1970; never unless it says so. */
  readonly expiresMs: number;
}

/**
 * Reads the last lease of an interface out of a file of ISC's dhclient, which
 * appends each as it comes: dhclient.leases(5). A lease that has expired may
 * have come with the disk image, from another network.
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
  const lease = dhclientLeases(text).findLast((one) =>
    one.interface === device
  );
  return lease === undefined || lease.expiresMs <= nowMs
    ? undefined
    : routerAddress(lease.server);
}

/** The IPv4 leases; those of IPv6 begin with `lease6`. */
function dhclientLeases(text: string): readonly Lease[] {
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

/** Where the options begin: after 236 bytes of fields and the magic cookie. */
const OPTIONS_AT = 240;
const COOKIE = [99, 130, 83, 99];

/** The options of RFC 2132 that are read. */
const PAD = 0;
const LEASE_TIME = 51;
const SERVER_IDENTIFIER = 54;
const END = 255;

/**
 * Reads the lease of dhcpcd: the DHCP message of the server as it came, in
 * `/var/lib/dhcpcd/INTERFACE.lease` (RFC 2131 section 2). dhcpcd renews the
 * file with the lease, which therefore ends its time after the file was
 * written.
 *
 * @param message the file
 * @param modifiedMs when it was written, in milliseconds since 1970
 * @param nowMs the time, likewise
 */
export function parseDhcpcdLease(
  message: Uint8Array,
  modifiedMs: number,
  nowMs: number,
): string | undefined {
  if (COOKIE.some((byte, i) => message[OPTIONS_AT - 4 + i] !== byte)) {
    return undefined;
  }
  const options = dhcpOptions(message.subarray(OPTIONS_AT));
  const seconds = options.get(LEASE_TIME)?.reduce(
    (sum, byte) => sum * 256 + byte,
    0,
  ) ?? Infinity;
  if (modifiedMs + seconds * 1000 <= nowMs) return undefined;
  return routerAddress(options.get(SERVER_IDENTIFIER)?.join("."));
}

function dhcpOptions(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at++] ?? END;
    if (code === END) break;
    if (code === PAD) continue;
    const length = bytes[at++] ?? 0;
    options.set(code, bytes.subarray(at, at + length));
    at += length;
  }
  return options;
}
