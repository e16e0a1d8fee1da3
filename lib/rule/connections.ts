/**
 * The TCP sockets of this network namespace: who listens where the rule
 * redirects to, and which clients had connections to the service before the
 * rule came. Conntrack decided about those then; without a guard they go
 * direct.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import type { Destination } from "./rule.ts";

/** A TCP connection of this network namespace. */
export interface Connection {
  /** Its own end, an IP address. */
  readonly local: string;
  /** Its own end's port. */
  readonly localPort: number;
  /** The other end, as the process knows it: before any redirect. */
  readonly remote: string;
  /** The other end's port. */
  readonly remotePort: number;
  /** Its owner. */
  readonly uid: number;
}

/** A client that goes direct. */
export interface DirectClient extends Connection {
  /** Its processes, `name (pid)`, where `ss` can tell. */
  readonly processes: readonly string[];
}

/** The state of an established connection in /proc/net/tcp. */
const ESTABLISHED = "01";

/** The state of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";

/** Each 32-bit word of an address stands in the machine's order: little. */
function address(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16))
  );
  const four = /^0{16}FFFF0000/.test(hex) ? bytes.slice(-4) : bytes;
  if (four.length === 4) return four.join(".");
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) {
    groups.push(
      (((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16),
    );
  }
  return canonical(groups.join(":"));
}

/** The one form of an address; IPv4 stays as it is. */
function canonical(ip: string): string {
  return ip.includes(":")
    ? new URL(`http://[${ip}]`).hostname.slice(1, -1)
    : ip;
}

/**
 * Reads connections.
 *
 * @param text the contents of /proc/net/tcp and /proc/net/tcp6; an IPv4
 * connection of an IPv6 socket counts as IPv4
 * @param wanted the state they are in, established unless given
 */
export function parseConnections(
  text: string,
  wanted = ESTABLISHED,
): readonly Connection[] {
  const line =
    /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) (\w\w) \S+ \S+ \S+\s+(\d+)/;
  return text.split("\n").flatMap((one) => {
    const [, local, localPort, remote, remotePort, state, uid] =
      line.exec(one) ?? [];
    if (state !== wanted || local === undefined || remote === undefined) {
      return [];
    }
    return [{
      local: address(local),
      localPort: parseInt(localPort ?? "", 16),
      remote: address(remote),
      remotePort: parseInt(remotePort ?? "", 16),
      uid: Number(uid),
    }];
  });
}

/**
 * The connections that go direct. A redirected client still believes that it
 * talks to the service; what tells it apart is the proxy's end of it, which is
 * on a loopback address and has the client's end as its peer.
 *
 * @param connections all of this network namespace
 * @param destinations the service
 * @param uid the proxy's user, which is no client
 */
export function directConnections(
  connections: readonly Connection[],
  destinations: readonly Destination[],
  uid: number,
): readonly Connection[] {
  const redirected = new Set(
    connections
      .filter(({ local }) => local === "127.0.0.1" || local === "::1")
      .map(({ remote, remotePort }) => `${remote} ${remotePort}`),
  );
  return connections.filter((one) =>
    one.uid !== uid &&
    destinations.some((to) =>
      canonical(to.address) === one.remote && to.addressPort === one.remotePort
    ) &&
    !redirected.has(`${one.local} ${one.localPort}`)
  );
}

/**
 * Reads the processes of connections out of `ss -tnpH`, by their own ends:
 * `10.0.0.1:40000`.
 */
export function parseProcesses(
  listed: string,
): ReadonlyMap<string, readonly string[]> {
  const processes = new Map<string, readonly string[]>();
  for (const line of listed.split("\n")) {
    const [, , , local, , users] = line.trim().split(/\s+/);
    if (local === undefined || users === undefined) continue;
    const end = /^(?:\[(?:::ffff:)?([^\]]+)\]|([^:]+)):(\d+)$/.exec(local);
    if (end === null) continue;
    processes.set(
      `${end[1] ?? end[2]} ${end[3]}`,
      [...line.matchAll(/\("([^"]*)",pid=(\d+)/g)].map(([, name, pid]) =>
        `${name} (${pid})`
      ),
    );
  }
  return processes;
}

async function readTables(run: Runner): Promise<string | undefined> {
  // Through `cat`, because Deno opens /proc only with every permission. It
  // fails after the first file where the kernel has no IPv6.
  const tables = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
  return typeof tables === "string" || !tables.stdout.includes("local_address")
    ? undefined
    : tables.stdout;
}

/**
 * Finds the sockets that listen where what is redirected to a loopback address
 * can end. `undefined` where it cannot be told.
 */
export async function findListeners(
  run: Runner,
): Promise<readonly Connection[] | undefined> {
  const tables = await readTables(run);
  if (tables === undefined) return undefined;
  return parseConnections(tables, LISTENING).filter(({ local }) =>
    ["127.0.0.1", "0.0.0.0", "::1", "::"].includes(local)
  );
}

/**
 * Finds the clients that go direct. Empty where it cannot be told.
 *
 * @param destinations the service
 * @param uid the proxy's user
 */
export async function findDirectClients(
  destinations: readonly Destination[],
  uid: number,
  run: Runner,
): Promise<readonly DirectClient[]> {
  const direct = directConnections(
    parseConnections(await readTables(run) ?? ""),
    destinations,
    uid,
  );
  if (direct.length === 0) return [];
  const listed = await run(["ss", "-tnpH"]);
  const processes = parseProcesses(
    typeof listed === "string" ? "" : listed.stdout,
  );
  return direct.map((one) => ({
    ...one,
    processes: processes.get(`${one.local} ${one.localPort}`) ?? [],
  }));
}
