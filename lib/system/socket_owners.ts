/**
 * The kernel's table of TCP sockets: who listens on this node, and which user
 * is at the other end of a connection that began on it.
 *
 * @module
 */
import { memoize } from "./memoize.ts";
import type { Runner, RunOptions } from "./runner.ts";

/** An end of a connection. */
export interface SocketEnd {
  /** Its IP address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** A listening socket of this network namespace. */
export interface Listener {
  /** Its address. */
  readonly local: string;
  /** Its port. */
  readonly localPort: number;
  /** Its owner, as the kernel counts. */
  readonly uid: number;
}

/** A socket of this network namespace. */
export interface TcpSocket extends Listener {
  /** The address at its other end. */
  readonly remote: string;
  /** The port there. */
  readonly remotePort: number;
  /** Its state in hexadecimal: {@linkcode TCP_STATES} has some. */
  readonly state: string;
  /** Whether a process has it; where none has, the kernel writes uid 0. */
  readonly isHeld: boolean;
}

/** The states that are looked for; linux/tcp_states.h. */
export const TCP_STATES = { ESTABLISHED: "01", LISTEN: "0A" } as const;

/** A line: local, remote, state, four others, uid, another, inode. */
const SOCKET =
  /^ *\d+: (\w+):(\w{4}) (\w+):(\w{4}) (\w\w) \S+ \S+ \w+ +(\d+) +\d+ (\d+)/gm;

/**
 * Reads the table. IPv4 addresses are written so in IPv6 sockets, too.
 *
 * @param run runs `cat`: Deno itself opens /proc only with every permission
 * @param options how long it may take
 * @returns `undefined` where it cannot be read
 */
export async function readTcpSockets(
  run: Runner,
  options?: RunOptions,
): Promise<readonly TcpSocket[] | undefined> {
  // A kernel without IPv6 has no second file; the first comes all the same.
  const read = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], options);
  if (typeof read === "string" || !read.stdout.includes("local_address")) {
    return undefined;
  }
  return Array.from(
    read.stdout.matchAll(SOCKET),
    (
      [, local = "", port = "", remote = "", to = "", state = "", uid, inode],
    ) => ({
      local: hostnameOf(local),
      localPort: parseInt(port, 16),
      remote: hostnameOf(remote),
      remotePort: parseInt(to, 16),
      state,
      uid: Number(uid),
      isHeld: inode !== "0",
    }),
  );
}

/** Reads an address as the table has it: words as the processor keeps them. */
const hostnameOf = memoize((words: string): string => {
  const digits = words.replaceAll(/(..)(..)(..)(..)/g, "$4$3$2$1")
    .replace(/^0{20}FFFF/, "");
  return digits.length === 8
    ? (digits.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).join(".")
    // A URL writes it as sockets do.
    : new URL(`http://[${digits.match(/.{4}/g)?.join(":")}]`).hostname
      .slice(1, -1);
});

/** The addresses that listen on all. */
const ANY: readonly string[] = ["0.0.0.0", "::"];

/** The addresses that take what the rule redirects. */
const LOCAL: readonly string[] = ["127.0.0.1", "::1", ...ANY];

/**
 * Finds the sockets that listen on a loopback address or on all.
 *
 * @param run runs `cat`
 * @returns `undefined` where it cannot be told
 */
export async function listeningSockets(
  run: Runner,
): Promise<readonly Listener[] | undefined> {
  return (await readTcpSockets(run))?.filter(({ state, local }) =>
    state === TCP_STATES.LISTEN && LOCAL.includes(local)
  );
}

/**
 * Names the processes that listen on a port, as `python3 (pid 77)`, as far as
 * `ss` can tell.
 *
 * @param run runs `ss`
 */
export async function processesAt(
  port: number,
  run: Runner,
): Promise<readonly string[]> {
  const listed = await run(["ss", "-tlnpH", `sport = :${port}`]);
  if (typeof listed === "string") return [];
  return Array.from(
    listed.stdout.matchAll(/\("([^"]*)",pid=(\d+)/g),
    ([, name, pid]) => `${name} (pid ${pid})`,
  );
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
 * Where clients' own sockets lead: to the proxy, or to the service itself where
 * they are redirected.
 *
 * @param listeners where the proxy listens
 */
export function serversOf(listeners: readonly SocketEnd[]): SocketEnd[] {
  return [
    ...listeners,
    { hostname: "169.254.169.254", port: 80 },
    { hostname: "fd00:ec2::254", port: 80 },
  ];
}

/** How long clients wait for the table at most, in milliseconds. */
const READ_MS = 2_000;

/**
 * Looks for owners each time it is asked. Only sockets that lead to one of the
 * servers count: a port can be shared with connections to elsewhere. A server
 * on 0.0.0.0 or :: has any address.
 *
 * @param run runs `cat`
 */
export function socketOwners(run: Runner): SocketOwners {
  return async (servers) => {
    const sockets = await readTcpSockets(run, { timeoutMs: READ_MS });
    return sockets && ownersOf(sockets, servers);
  };
}

function ownersOf(
  sockets: readonly TcpSocket[],
  servers: readonly SocketEnd[],
): Owners {
  const names = new Set(servers.map(nameOf));
  const anyPorts = new Set(
    servers.filter(({ hostname }) => ANY.includes(hostname))
      .map(({ port }) => port),
  );
  return new Map(
    sockets.filter(({ remote, remotePort, isHeld }) =>
      isHeld &&
      (anyPorts.has(remotePort) ||
        names.has(nameOf({ hostname: remote, port: remotePort })))
    ).map(({ local, localPort, uid }) => [
      nameOf({ hostname: local, port: localPort }),
      uid,
    ]),
  );
}
