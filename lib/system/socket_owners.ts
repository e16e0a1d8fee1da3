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

/** Whose sockets the client's ends of connections are. */
export type Owners = ReadonlyMap<string, number>;

/**
 * Tells the uids of those who hold the client's ends of connections to some
 * servers, as clients address those, by {@linkcode nameOf} each end. An end
 * that nobody holds any more is missing. `undefined` where the table cannot be
 * read.
 */
export type SocketOwners = (
  servers: readonly SocketEnd[],
) => Promise<Owners | undefined>;

/** What an end is called among {@linkcode Owners}. */
export function nameOf({ hostname, port }: SocketEnd): string {
  return `${hostname.replace(/%.*$/, "")} ${port}`;
}

/**
 * Reads the socket table of this network namespace each time it is asked.
 * Needs the permission to run `cat`: Deno itself opens /proc only with all.
 *
 * @param run runs commands
 */
export function socketOwners(run: Runner): SocketOwners {
  return async (servers) => {
    // A kernel without IPv6 has no second file; the first comes all the same.
    const read = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], {
      timeoutMs: READ_MS,
    });
    return typeof read === "string" || read.stdout === ""
      ? undefined
      : ownersIn(read.stdout, servers);
  };
}

/** The columns of a socket that counts: local, remote, uid, inode. */
const SOCKET =
  /^ *\d+: (\w+:\w{4}) (\w+:\w{4}) \w\w \S+ \S+ \w+ +(\d+) +\d+ ([1-9]\d*) /gm;

/**
 * Finds owners in the text of a socket table. Only sockets that lead to one of
 * the servers count: a port can be shared with connections to elsewhere. Nor do
 * sockets without an inode: nobody holds them, and the kernel writes uid 0.
 *
 * @param table /proc/net/tcp and /proc/net/tcp6, one after the other
 * @param servers where connections are made to; 0.0.0.0 and :: are any address
 */
export function ownersIn(
  table: string,
  servers: readonly SocketEnd[],
): Owners {
  const names = new Set(servers.map(nameOf));
  const anyPorts = new Set(
    servers.filter(({ hostname }) => /^(?:0\.0\.0\.0|::)$/.test(hostname))
      .map(({ port }) => port),
  );
  const ports = new Set(servers.map(({ port }) => port));
  const owners = new Map<string, number>();
  for (const [, local = "", remote = "", uid] of table.matchAll(SOCKET)) {
    if (!ports.has(parseInt(remote.slice(-4), 16))) continue;
    const server = endOf(remote);
    if (names.has(nameOf(server)) || anyPorts.has(server.port)) {
      owners.set(nameOf(endOf(local)), Number(uid));
    }
  }
  return owners;
}

/** Reads an end as the table writes it: words as the processor keeps them. */
function endOf(text: string): SocketEnd {
  const [words = "", port = ""] = text.split(":");
  const digits = words.replaceAll(/(..)(..)(..)(..)/g, "$4$3$2$1")
    .replace(/^0{20}FFFF/, "");
  const hostname = digits.length === 8
    ? digits.match(/../g)?.map((byte) => parseInt(byte, 16)).join(".")
    // A URL writes it as sockets do.
    : new URL(`http://[${digits.match(/.{4}/g)?.join(":")}]`).hostname
      .slice(1, -1);
  return { hostname: hostname ?? "", port: parseInt(port, 16) };
}
