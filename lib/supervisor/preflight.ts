/**
 * What must hold before a parent changes anything: its own rights, and that
 * its child will be able to listen.
 *
 * @module
 */
import { OutOfReachError, UsageError } from "../cli/message.ts";
import { formatAddress } from "../config/address.ts";
import type { ListenAddress, ServeConfig } from "../config/serve_config.ts";
import {
  type Capability,
  missingCapabilities,
} from "../system/capabilities.ts";
import type { Log } from "../system/log.ts";
import { readKernel, type Runner } from "../system/runner.ts";
import type { ChildUser } from "./dropped_rights.ts";

/** What a parent is for, beside starting the proxy as another user. */
export type Purpose = "keep the rule" | "keep the address" | "drop root";

/** Why each capability is needed. */
const REASONS: Readonly<Partial<Record<Capability, string>>> = {
  NET_ADMIN: "to change rules and addresses",
  SETUID: "to start the proxy as another user",
  SETGID: "to start the proxy as another group",
  KILL: "to stop the proxy",
};

/**
 * Checks the parent's rights.
 *
 * @param purpose what it is for; dropping root takes no NET_ADMIN
 * @param uid the user it runs as
 * @param run runs the commands it needs
 * @throws {OutOfReachError} that names what is missing, and what for
 */
export async function requireRights(
  purpose: Purpose,
  uid: number | null,
  run: Runner,
): Promise<void> {
  if (uid !== 0) {
    throw new OutOfReachError(
      `Cannot ${purpose}: started as uid ${uid}, expected root`,
    );
  }
  const wanted = (["NET_ADMIN", "SETUID", "SETGID", "KILL"] as const)
    .filter((name) => name !== "NET_ADMIN" || purpose !== "drop root");
  const missing = await missingCapabilities(wanted, run);
  if (missing.length === 0) return;
  const needs = missing.map((name) => `CAP_${name} ${REASONS[name]}`);
  throw new OutOfReachError(`Cannot ${purpose}: missing ${needs.join(", ")}`);
}

/**
 * The group that belongs to a user: its own where the name or number has one
 * here, else the group of the same number.
 *
 * @param user what `--user` named
 * @param uid the number it stands for
 * @param run runs the commands it needs
 */
export async function childUser(
  user: string,
  uid: number,
  run: Runner,
): Promise<ChildUser> {
  const result = await run(["id", "-g", user]);
  const gid = typeof result === "string" ? NaN : parseInt(result.stdout);
  return { uid, gid: gid > 0 ? gid : uid };
}

/** The first port for every user, unless the kernel has another setting. */
export const UNPRIVILEGED_FROM = 1024;

/**
 * Whether a user without rights cannot listen somewhere.
 *
 * @param address where
 * @param from the first port for every user
 */
export function isClosed(
  { port }: Pick<ListenAddress, "port">,
  from = UNPRIVILEGED_FROM,
): boolean {
  return port !== 0 && port < from;
}

/**
 * Checks that a user without rights can listen on every port. Where the kernel
 * keeps more than the first 1,024 for root, that shows when the child listens.
 *
 * @param config where the proxy and its endpoint are to listen
 * @param run runs `cat`
 * @throws {UsageError} that says what else can be done
 */
export async function requireOpenPorts(
  { listen, admin }: Pick<ServeConfig, "listen" | "admin">,
  run: Runner,
): Promise<void> {
  const low = [...listen, ...admin ? [admin] : []].filter((it) => isClosed(it));
  if (low.length === 0) return;
  const setting = await readSetting("ip_unprivileged_port_start", run);
  const from = setting === "" ? UNPRIVILEGED_FROM : Number(setting);
  for (const address of low) {
    if (!isClosed(address, from)) continue;
    const flag = address === admin ? "--admin" : "--listen";
    throw new UsageError(
      `Cannot use ${flag} ${
        formatAddress(address)
      } as root: the proxy drops root, expected a port from ${from} (with --iptables, the rule redirects port 80 to it), or a start as another user with CAP_NET_BIND_SERVICE`,
    );
  }
}

/**
 * Warns where a setting of the kernel's may cut the proxy off: with SYN cookies
 * alone, the answers to connections carry no socket, and the guard cannot tell
 * the proxy's from a stranger's.
 *
 * @param run runs `cat`
 * @param log the log
 */
export async function warnOfSynCookies(run: Runner, log: Log): Promise<void> {
  if ((await readSetting("tcp_syncookies", run)).trim() !== "2") return;
  log.warn(
    "the kernel answers with SYN cookies alone, which the guard takes for a stranger's answers: set net.ipv4.tcp_syncookies to 1",
  );
}

/** One of the kernel's settings; empty where it cannot be read. */
function readSetting(name: string, run: Runner): Promise<string> {
  return readKernel(`/proc/sys/net/ipv4/${name}`, run);
}
