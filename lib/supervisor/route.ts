/**
 * What a client gets, whatever the rules look like: this process connects as a
 * client does, and looks where its connection ends. Nothing is sent.
 *
 * @module
 */
import {
  type Desired,
  LOOPBACK,
  loopback,
  renderDestination,
  type Target,
} from "../rule/rule.ts";
import type { Runner } from "../system/runner.ts";
import { readTcpSockets, TCP_STATES } from "../system/socket_owners.ts";

/** How long a connection may take to come about, in milliseconds. */
const CONNECT_MS = 1_000;

/**
 * Looks where connections of a client end.
 *
 * @param desired what stands
 * @param run runs `cat`
 * @returns what a client gets in place of the proxy, in one line; `undefined`
 * where it gets the proxy, or is refused where nothing is redirected
 */
export async function routeFault(
  desired: Desired,
  run: Runner,
): Promise<string | undefined> {
  if (desired.state !== "open") return undefined;
  const faults = await Promise.all(
    desired.targets.map((target) => targetFault(target, run)),
  );
  return faults.find((fault) => fault !== undefined);
}

async function targetFault(
  target: Target,
  run: Runner,
): Promise<string | undefined> {
  const { family, address: hostname, addressPort, port } = target;
  const to = renderDestination(target);
  const signal = AbortSignal.timeout(CONNECT_MS);
  let connection: Deno.Conn | undefined;
  try {
    connection = await Deno.connect({
      hostname,
      port: addressPort,
      signal,
    });
    if (port === undefined) return `${to} is reached without the proxy`;
    const own = (connection.localAddr as Deno.NetAddr).port;
    const sockets = await readTcpSockets(run);
    // The proxy's end: on the loopback address, with ours as its peer.
    const isRedirected = sockets?.some((one) =>
      one.local === LOOPBACK[family] && one.localPort === port &&
      one.remotePort === own && one.state === TCP_STATES.ESTABLISHED
    );
    return isRedirected ?? true
      ? undefined
      : `${to} does not end at ${loopback(family, port)}`;
  } catch (error) {
    if (port === undefined) return undefined;
    if (signal.aborted) return `${to} does not answer`;
    return error instanceof Deno.errors.ConnectionRefused
      ? `${to} refuses connections`
      : `${to} cannot be reached`;
  } finally {
    connection?.close();
  }
}
