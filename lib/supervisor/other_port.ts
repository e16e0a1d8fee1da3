/**
 * Where the proxy listens when another program has its port: clients reach it
 * through the rule, so the port is its own business.
 *
 * @module
 */
import { LAST_PORT } from "../config/address.ts";
import type { ListenAddress } from "../config/serve_config.ts";
import { ConflictError } from "../rule/rule_error.ts";
import type { Log, LogFields } from "../system/log.ts";
import { readKernel, type Runner } from "../system/runner.ts";
import {
  type Listener,
  listeningSockets,
  processesAt,
} from "../system/socket_owners.ts";
import { retryOnConflict } from "./rule_keeper.ts";

/** A first and a last port. */
export type PortRange = readonly [first: number, last: number];

/** The ports that Kubernetes hands out to services of type NodePort. */
const NODE_PORTS: PortRange = [30_000, 32_767];

/**
 * Finds out who has an address, and which one the proxy can have.
 *
 * @param taken the address
 * @param uid whom the proxy runs as
 * @returns the same address where an instance that was just killed had it;
 * `undefined` where there is none
 * @throws {ConflictError} where another instance has it
 */
export async function otherAddress(
  taken: ListenAddress,
  uid: number,
  { run, log }: { readonly run: Runner; readonly log: Log },
): Promise<ListenAddress | undefined> {
  const read = async () => await listeningSockets(run) ?? [];
  const listeners = await read();
  const holder = holderOf(taken, listeners);
  if (holder?.uid === uid) {
    return await retryOnConflict(async () => {
      if (holderOf(taken, await read())?.uid !== uid) return taken;
      throw new ConflictError({ port: taken.port, uid });
    });
  }
  const port = nextPort(taken.port, listeners, await ephemeralPorts(run));
  if (port === undefined) return undefined;
  log.warn("another program has the port, the proxy takes another", {
    taken: taken.port,
    ...await describe(holder, run),
    port,
  });
  return { ...taken, port };
}

/**
 * Who listens where another socket cannot. A socket that is bound and does not
 * listen holds a port, too, and the kernel does not list it.
 */
function holderOf(
  { hostname, port }: ListenAddress,
  listeners: readonly Listener[],
): Listener | undefined {
  const any = ["0.0.0.0", "::"];
  return listeners.find((one) =>
    one.localPort === port &&
    (one.local === hostname || any.includes(one.local) ||
      any.includes(hostname))
  );
}

/**
 * The next port that nobody listens on and nobody is given by chance.
 *
 * @param port the one that is taken
 * @param listeners every listening socket
 * @param ephemeral the ports that the kernel gives to anybody's connection
 * @returns `undefined` where there is none
 */
export function nextPort(
  port: number,
  listeners: readonly Listener[],
  ephemeral: PortRange,
): number | undefined {
  const taken = new Set(listeners.map(({ localPort }) => localPort));
  const isGiven = (one: number) =>
    [ephemeral, NODE_PORTS].some(([first, last]) =>
      first <= one && one <= last
    );
  let next = port + 1;
  while (taken.has(next) || isGiven(next)) next++;
  return next <= LAST_PORT ? next : undefined;
}

async function ephemeralPorts(run: Runner): Promise<PortRange> {
  const path = "/proc/sys/net/ipv4/ip_local_port_range";
  const range = (await readKernel(path, run)).match(/\d+/g) ?? [];
  const [first = 32_768, last = 60_999] = range.map(Number);
  return [first, last];
}

/** Who that is, as far as `ss` can tell. */
async function describe(
  holder: Listener | undefined,
  run: Runner,
): Promise<LogFields> {
  if (holder === undefined) return { by: "a socket that does not listen" };
  const processes = await processesAt(holder.localPort, run);
  return { uid: holder.uid, by: processes.join(", ") || "not known" };
}
