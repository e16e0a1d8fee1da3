/**
 * Which user is at the other end of a connection that began on this node, from
 * the kernel's socket table.
 *
 * @module
 */
import type { Runner } from "./runner.ts";

/** How long reading the table may take, in milliseconds. */
const READ_MS = 2_000;

/** An end of a connection. */
export interface SocketEnd {
  /** Its IP address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/**
 * Tells the uids of those who hold the client's ends of connections to some
 * servers, as clients address those; without one, nobody holds it any more.
 * `undefined` where the table cannot be read.
 */
export type SocketOwners = (
  clients: readonly SocketEnd[],
  servers: readonly SocketEnd[],
) => Promise<readonly (number | undefined)[] | undefined>;

/**
 * Reads the socket table of this network namespace each time it is asked.
 * Needs the permission to run `cat`: Deno itself opens /proc only with all.
 *
 * @param run runs commands
 */
export function socketOwners(run: Runner): SocketOwners {
  return async (clients, servers) => {
    // A kernel without IPv6 has no second file; the first comes all the same.
    const read = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], {
      timeoutMs: READ_MS,
    });
    return typeof read === "string" || read.stdout === ""
      ? undefined
      : ownersIn(read.stdout, clients, servers);
  };
}

/**
 * Finds owners in the text of a socket table. Only sockets that lead to one of
 * the servers count: a port can be shared with connections to elsewhere. Nor do
 * sockets without an inode: nobody holds them, and the kernel writes uid 0.
 *
 * @param table /proc/net/tcp and /proc/net/tcp6, one after the other
 * @param clients whose owners are asked for
 * @param servers where their connections were made to; 0.0.0.0 and :: are any
 */
export function ownersIn(
  table: string,
  clients: readonly SocketEnd[],
  servers: readonly SocketEnd[],
): readonly (number | undefined)[] {
  const places = new Map<string, number>();
  clients.forEach((end, i) => spellings(end).map((it) => places.set(it, i)));
  const leads = new Set(
    servers.flatMap((end) => isAny(end) ? [portOf(end)] : spellings(end)),
  );
  const owners = clients.map((): number | undefined => undefined);
  for (const line of table.split("\n")) {
    const [, local = "", remote = "", , , , , uid, , inode] = line.trim()
      .split(/\s+/);
    const place = places.get(local);
    if (place === undefined || inode === "0") continue;
    if (leads.has(remote) || leads.has(remote.slice(-5))) {
      owners[place] = Number(uid);
    }
  }
  return owners;
}

function isAny({ hostname }: SocketEnd): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

function portOf({ port }: SocketEnd): string {
  return `:${hex(port, 4)}`;
}

/** How the table writes an address: IPv4 also as an IPv6 socket has it. */
function spellings(address: SocketEnd): readonly string[] {
  const { hostname } = address;
  const end = portOf(address);
  if (hostname.includes(":")) return [words(groups(hostname)) + end];
  const bytes = hostname.split(".").map((it) => hex(Number(it), 2)).join("");
  return [words(bytes) + end, `0000000000000000FFFF0000${words(bytes)}${end}`];
}

/** The 32 digits of an IPv6 address. */
function groups(address: string): string {
  const [before = [], after = []] = address.replace(/%.*$/, "").split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const digits = (parts: readonly string[]) =>
    parts.map((group) => group.padStart(4, "0")).join("").toUpperCase();
  return digits(before) +
    "0000".repeat(8 - before.length - after.length) + digits(after);
}

/** Words of four bytes as the processors this runs on keep them. */
function words(digits: string): string {
  return digits.replaceAll(/(..)(..)(..)(..)/g, "$4$3$2$1");
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
