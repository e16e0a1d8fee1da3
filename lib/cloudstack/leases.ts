/**
 * Where the DHCP clients of Linux keep their leases, and in which forms, each
 * read for the one thing discovery needs: the address of the DHCP server.
 *
 * @module
 */
import { isIPv4 } from "../config/address.ts";
import { readTextFile } from "../system/read_text_file.ts";

/** An interface, as clients name their files. */
export interface Interface {
  /** Its name. */
  readonly name: string;
  /** Its number in the kernel. */
  readonly index: number;
}

/** A file that may hold a lease of an interface. */
export interface LeaseFile {
  /** Where it is. */
  readonly path: string;
  /** When it was written, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** In bytes. */
  readonly size: number;
  /**
   * Reads the DHCP server out of it; `undefined` where it holds no lease in
   * force, or cannot be read.
   *
   * @param nowMs the time, in milliseconds since 1970
   */
  router(nowMs: number): string | undefined;
}

/** The files of one client. */
interface Client {
  readonly folders: readonly string[];
  /** Whether a file there is one of this client's, by its name. */
  readonly holds: (name: string, one: Interface) => boolean;
  /** Reads one. */
  readonly parse: (
    text: string,
    device: string,
    nowMs: number,
  ) => string | undefined;
}

/**
 * The clients in the order in which they are believed. dhclient's folders are
 * those of Debian and SUSE, RHEL, and NetworkManager with dhclient; whose lease
 * it is stands in the file.
 */
const CLIENTS: readonly Client[] = [
  {
    folders: ["/run/systemd/netif/leases"],
    holds: (name, { index }) => name === `${index}`,
    parse: parseSettings,
  },
  {
    folders: ["/run/NetworkManager/devices"],
    holds: (name, { index }) => name === `${index}`,
    parse: parseSettings,
  },
  {
    folders: ["/var/lib/NetworkManager"],
    holds: (file, { name }) =>
      /^internal-[0-9a-f-]{36}-(.*)\.lease$/.exec(file)?.[1] === name,
    parse: parseSettings,
  },
  {
    folders: ["/var/lib/dhcp", "/var/lib/dhclient", "/var/lib/NetworkManager"],
    holds: (file) => /^dhclient(?!6).*\.leases?$/.test(file),
    parse: parseDhclientLeases,
  },
];

/**
 * Finds the files that may hold a lease of an interface, the most believable
 * first, and the newest first of one client's.
 *
 * @param one the interface
 * @param root the folder that stands for /
 */
export function findLeaseFiles(
  one: Interface,
  root: string,
): readonly LeaseFile[] {
  return CLIENTS.flatMap(({ folders, holds, parse }) => {
    const paths = folders.flatMap((folder) =>
      namesIn(root + folder).filter((name) => holds(name, one))
        .map((name) => `${folder}/${name}`)
    );
    const files = paths.flatMap((path) => {
      const info = ifThere(() => Deno.statSync(root + path));
      if (info === undefined) return [];
      const modifiedMs = info.mtime?.getTime() ?? 0;
      const router = (nowMs: number) => {
        // "Again" refuses a pipe, which would be waited for without an end.
        const text = ifThere(() =>
          readTextFile(root + path, { isAgain: true })
        );
        return parse(text ?? "", one.name, nowMs);
      };
      return [{ path, modifiedMs, size: info.size, router }];
    });
    return files.toSorted((a, b) => b.modifiedMs - a.modifiedMs);
  });
}

function namesIn(folder: string): readonly string[] {
  const entries = ifThere(() => [...Deno.readDirSync(folder)]) ?? [];
  return entries.map(({ name }) => name);
}

/** The proxy's user may read less than root, and files come and go. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

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
 * Reads lines of a name and a value: a lease of systemd-networkd,
 * `/run/systemd/netif/leases/IFINDEX`, which NetworkManager wrote in that form
 * too, before 1.22; and what NetworkManager, from 1.40 on, keeps of an interface
 * in `/run/NetworkManager/devices/IFINDEX`. Its newer leases hold the address
 * alone.
 *
 * networkd's calls itself private; cloud-init has relied on it since 2017, and
 * dhcp_lease_save() in systemd's sd-dhcp-lease.c still writes this name.
 *
 * @param text the file
 */
export function parseSettings(text: string): string | undefined {
  const values = text.matchAll(
    /^(?:SERVER_ADDRESS|(?:dhcp4\.)?dhcp_server_identifier)\s*=\s*"?([^"\s]*)"?\s*$/gm,
  );
  return routerAddress([...values].at(-1)?.[1]);
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
