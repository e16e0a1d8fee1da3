/**
 * Whose the rule is. The rule does not say, but the kernel knows who listens
 * where it leads to.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import {
  type Connection,
  isOnLoopback,
  LISTENING,
  parseConnections,
} from "./clients.ts";
import { linesOf, type Seen } from "./verdict.ts";

/** Where a rule of ours leads, and whom it exempts. */
export interface Lead {
  /** The port on the loopback address. */
  readonly port: number;
  /** The user whose traffic goes direct: the one the proxy runs as. */
  readonly uid: number;
}

/** Reads where the rules in one place lead; at most one lead. */
export function leadsOf(seen: Seen): readonly Lead[] {
  const text = linesOf(seen).join("\n");
  const uid = /--uid-owner (\d+).* -j RETURN$|skuid != (\d+)/m.exec(text);
  const port = /--to-ports (\d+)$|redirect to :(\d+)/m.exec(text);
  if (uid === null || port === null) return [];
  return [{
    port: Number(port[1] ?? port[2]),
    uid: Number(uid[1] ?? uid[2]),
  }];
}

/**
 * The first lead at whose end a proxy works that is not ours: its listener
 * belongs to the user that the rule exempts. Nobody listens where a crash left
 * the rule, and a stranger who does has no claim to it.
 *
 * @param leads where the rules lead
 * @param listeners every listening socket of this network namespace
 * @param own our own ports
 */
export function rivalAmong(
  leads: readonly Lead[],
  listeners: readonly Connection[],
  own: readonly number[],
): Lead | undefined {
  return leads.find(({ port, uid }) =>
    !own.includes(port) &&
    listeners.some((one) =>
      one.localPort === port && one.uid === uid && isOnLoopback(one.local)
    )
  );
}

/**
 * Finds another proxy that the rule belongs to. `undefined` where there is
 * none, or where it cannot be told.
 *
 * @param seen every place where a rule can stand
 * @param own our own ports
 */
export async function findRival(
  seen: readonly Seen[],
  own: readonly number[],
  run: Runner,
): Promise<Lead | undefined> {
  const leads = seen.flatMap(leadsOf);
  if (leads.every(({ port }) => own.includes(port))) return undefined;
  return rivalAmong(leads, await listeners(run), own);
}

/**
 * The first lead among some ports at whose end only strangers listen: no
 * proxy, and no program of root's.
 *
 * @param leads where the rules lead
 * @param listeners every listening socket of this network namespace
 * @param ports the ports to look at
 * @param uid whom our own proxy runs as
 * @returns the port, and the stranger's uid
 */
export function strangerAmong(
  leads: readonly Lead[],
  listeners: readonly Connection[],
  ports: readonly number[],
  uid: number,
): Lead | undefined {
  for (const lead of leads.filter(({ port }) => ports.includes(port))) {
    const there = listeners.filter((one) =>
      one.localPort === lead.port && isOnLoopback(one.local)
    );
    const [first] = there;
    const isStrange = there.every((one) =>
      ![0, uid, lead.uid].includes(one.uid)
    );
    if (first !== undefined && isStrange) {
      return { port: lead.port, uid: first.uid };
    }
  }
  return undefined;
}

/**
 * Finds a stranger whom the rule leads to. `undefined` where there is none, or
 * where it cannot be told.
 *
 * @param seen every place where a rule can stand
 * @param ports the ports to look at
 * @param uid whom our own proxy runs as
 */
export async function findStranger(
  seen: readonly Seen[],
  ports: readonly number[],
  uid: number,
  run: Runner,
): Promise<Lead | undefined> {
  const leads = seen.flatMap(leadsOf);
  if (!leads.some(({ port }) => ports.includes(port))) return undefined;
  return strangerAmong(leads, await listeners(run), ports, uid);
}

async function listeners(run: Runner): Promise<readonly Connection[]> {
  // Through `cat`, because Deno opens /proc only with every permission.
  const tables = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
  return typeof tables === "string"
    ? []
    : parseConnections(tables.stdout, LISTENING);
}
