/**
 * What a client gets, whatever the rules look like: this process connects as a
 * client does, and as another user than the proxy's answers. Nothing is sent.
 *
 * @module
 */
import {
  type Desired,
  type Destination,
  type Family,
  LOOPBACK,
  loopback,
  renderDestination,
  type Rule,
  rulesOf,
} from "../rule/rule.ts";
import type { Runner } from "../system/runner.ts";
import { readTcpSockets, TCP_STATES } from "../system/socket_owners.ts";

/** How long a connection may take to come about, in milliseconds. */
const CONNECT_MS = 1_000;

/**
 * The same for one that only shows whether a program must look, in
 * milliseconds: the kernel makes those within the node at once.
 */
const QUICK_CONNECT_MS = 100;

/**
 * An address on `lo` that nobody listens on: from the proxy's port there, the
 * guard drops what this process answers.
 */
const PROBE_ADDRESS = "127.169.254.169";

/**
 * Finds the families whose rule connections do not show to be in place, or
 * cannot: programs must look at those. It runs none itself.
 *
 * @param desired what stands
 * @param part the guard alone, or the redirect, too
 * @param mayListen whether the proxy leaves its port on other addresses free
 */
export async function doubtfulFamilies(
  desired: Desired,
  part: "guard" | "all",
  mayListen = true,
): Promise<readonly Family[]> {
  if (desired.state !== "open") return [];
  const found = await Promise.all(desired.targets.map(async (target) => {
    const { family, port } = target;
    const isShown = port === undefined
      ? !await canConnect(target)
      : mayListen && await isAnswerDropped(family, port) &&
        (part === "guard" || await canConnect(target));
    return isShown ? [] : [family];
  }));
  return found.flat();
}

async function canConnect(
  { address: hostname, addressPort: port }: Destination,
): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(QUICK_CONNECT_MS);
    (await Deno.connect({ hostname, port, signal })).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether the guard keeps another user than the proxy's from answering at its
 * port; `false` where that cannot be told.
 */
async function isAnswerDropped(
  family: Family,
  port: number,
): Promise<boolean> {
  // IPv6 has no second loopback address.
  if (family === "ip6") return false;
  let listener: Deno.Listener;
  try {
    listener = Deno.listen({ hostname: PROBE_ADDRESS, port });
  } catch {
    return false;
  }
  try {
    const probe = { family, address: PROBE_ADDRESS, addressPort: port };
    return !await canConnect(probe);
  } finally {
    listener.close();
  }
}

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
  const faults = await Promise.all(
    rulesOf(desired).map((rule) => ruleFault(rule, run)),
  );
  return faults.find((fault) => fault !== undefined);
}

async function ruleFault(rule: Rule, run: Runner): Promise<string | undefined> {
  const { family, address: hostname, addressPort, port, uid } = rule;
  const to = renderDestination(rule);
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
    // The proxy's end: on the loopback address, with ours as its peer, and
    // nobody's until the proxy accepts it.
    const isRedirected = sockets?.some((one) =>
      one.local === LOOPBACK[family] && one.localPort === port &&
      one.remotePort === own && one.state === TCP_STATES.ESTABLISHED &&
      (one.uid === uid || !one.isHeld)
    );
    return isRedirected ?? true
      ? undefined
      : `${to} does not end at ${loopback(family, port)} as uid ${uid}`;
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
