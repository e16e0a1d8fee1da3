/**
 * Where the DHCP clients of Linux keep their leases.
 *
 * @module
 */
import {
  parseDhclientLeases,
  parseDhcpcdLease,
  parseNetworkdLease,
  parseNetworkManagerState,
} from "./leases.ts";
import type { FileState, NodeView } from "./node_view.ts";

/** An interface, as clients name their files. */
export interface Interface {
  /** Its name. */
  readonly name: string;
  /** Its number in the kernel. */
  readonly index: number;
}

/** A file that may hold a lease of the interface. */
export interface LeaseFile extends FileState {
  /** Where it is. */
  readonly path: string;
  /**
   * Reads the DHCP server out of it.
   *
   * @param bytes its contents
   * @param nowMs the time, in milliseconds since 1970
   */
  parse(bytes: Uint8Array, nowMs: number): string | undefined;
}

/** The files of one client. */
interface Client {
  readonly folders: readonly string[];
  /** Whether a file there is one of this client's, by its name. */
  readonly holds: (name: string, one: Interface) => boolean;
  /** Reads one. */
  readonly parse: (
    bytes: Uint8Array,
    nowMs: number,
    one: Interface,
    file: FileState,
  ) => string | undefined;
}

const decoder = new TextDecoder();

/**
 * The clients in the order in which they are believed. dhclient's folders are
 * those of Debian and SUSE, RHEL, and NetworkManager with dhclient; whose lease
 * it is stands in the file.
 */
const CLIENTS: readonly Client[] = [
  {
    folders: ["/run/systemd/netif/leases"],
    holds: (name, { index }) => name === `${index}`,
    parse: (bytes) => parseNetworkdLease(decoder.decode(bytes)),
  },
  {
    folders: ["/run/NetworkManager/devices"],
    holds: (name, { index }) => name === `${index}`,
    parse: (bytes) => parseNetworkManagerState(decoder.decode(bytes)),
  },
  {
    folders: ["/var/lib/NetworkManager"],
    holds: (file, { name }) =>
      /^internal-[0-9a-f-]{36}-(.*)\.lease$/.exec(file)?.[1] === name,
    parse: (bytes) => parseNetworkdLease(decoder.decode(bytes)),
  },
  {
    folders: ["/var/lib/dhcp", "/var/lib/dhclient", "/var/lib/NetworkManager"],
    holds: (file) => /^dhclient(?!6).*\.leases?$/.test(file),
    parse: (bytes, nowMs, { name }) =>
      parseDhclientLeases(decoder.decode(bytes), name, nowMs),
  },
  {
    folders: ["/var/lib/dhcpcd", "/var/lib/dhcpcd5"],
    holds: (file, { name }) =>
      file === `${name}.lease` || file === `dhcpcd-${name}.lease`,
    parse: (bytes, nowMs, _, { modifiedMs }) =>
      parseDhcpcdLease(bytes, modifiedMs, nowMs),
  },
];

/**
 * Finds the files that may hold a lease of an interface, the most believable
 * first, and the newest first of one client's.
 */
export async function findLeaseFiles(
  view: NodeView,
  one: Interface,
): Promise<readonly LeaseFile[]> {
  const found = await Promise.all(CLIENTS.map(async (client) => {
    const files = await Promise.all(client.folders.map(async (folder) => {
      const names = await view.list(folder);
      return await Promise.all(
        names.filter((name) => client.holds(name, one))
          .map((name) => leaseFile(view, client, one, `${folder}/${name}`)),
      );
    }));
    return files.flat(2).toSorted((a, b) => b.modifiedMs - a.modifiedMs);
  }));
  return found.flat();
}

async function leaseFile(
  view: NodeView,
  client: Client,
  one: Interface,
  path: string,
): Promise<LeaseFile[]> {
  const state = await view.stat(path);
  if (state === undefined) return [];
  return [{
    path,
    ...state,
    parse: (bytes, nowMs) => client.parse(bytes, nowMs, one, state),
  }];
}

/** Differs when a file came, went, or was written. */
export function fingerprint(files: readonly LeaseFile[]): string {
  return files
    .map(({ path, modifiedMs, size }) => `${path} ${modifiedMs} ${size}`)
    .join("\n");
}
