/**
 * What must hold before a parent changes anything: its own rights, and that
 * its child will be able to load the program.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ListenAddress, ServeConfig } from "../config/serve_config.ts";
import {
  type Capability,
  missingCapabilities,
} from "../system/capabilities.ts";
import type { Runner } from "../system/runner.ts";
import type { OwnCommand } from "./own_command.ts";
import type { ChildUser } from "./dropped_rights.ts";

/** The parent lacks a right, or the child could not load the program. */
export class PreflightError extends Error {
  /** Whether the way it was started is at fault, rather than its rights. */
  readonly usage: boolean;

  /**
   * Makes the error.
   *
   * @param message one line that says what is missing
   * @param usage whether the way it was started is at fault
   */
  constructor(message: string, usage: boolean) {
    super(message);
    this.name = "PreflightError";
    this.usage = usage;
  }
}

/** What a parent is for, beside starting the proxy as another user. */
export type Purpose = "keep the rule" | "keep the address" | "drop root";

/** Why NET_ADMIN is needed; dropping root takes none. */
const ADMINISTERS: Readonly<Partial<Record<Purpose, string>>> = {
  "keep the rule": "to change the rule",
  "keep the address": "to change addresses",
};

/** Why each other capability is needed. */
const REASONS: Readonly<Partial<Record<Capability, string>>> = {
  SETUID: "to start the proxy as another user",
  SETGID: "to start the proxy as another group",
  KILL: "to stop the proxy",
};

/**
 * Checks the parent's rights.
 *
 * @param purpose what it is for
 * @param uid the user it runs as
 * @param run runs the commands it needs
 * @throws {PreflightError} that names what is missing, and what for
 */
export async function requireRights(
  purpose: Purpose,
  uid: number | null,
  run: Runner,
): Promise<void> {
  if (uid !== 0) {
    throw new PreflightError(
      `Cannot ${purpose}: started as uid ${uid}, expected root`,
      false,
    );
  }
  const administers = ADMINISTERS[purpose];
  const wanted: readonly Capability[] = ["SETUID", "SETGID", "KILL"];
  const missing = await missingCapabilities(
    administers === undefined ? wanted : ["NET_ADMIN", ...wanted],
    run,
  );
  if (missing.length === 0) return;
  const needs = missing.map((name) => {
    const reason = name === "NET_ADMIN" ? administers : REASONS[name];
    return reason === undefined ? `CAP_${name}` : `CAP_${name} ${reason}`;
  });
  throw new PreflightError(
    `Cannot ${purpose}: missing ${needs.join(", ")}`,
    false,
  );
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
  const gid = typeof result === "string" || result.code !== 0
    ? uid
    : Number(result.stdout.trim());
  return { uid, gid: Number.isInteger(gid) && gid > 0 ? gid : uid };
}

/**
 * Checks that the child's user can read what it is started from. An executable
 * always can; from source, Deno, the program and the cache must be open to it.
 *
 * @param command how the child is started
 * @param user whom it runs as
 * @throws {PreflightError} that names the file in the way
 */
export async function requireReadable(
  command: OwnCommand,
  user: ChildUser,
): Promise<void> {
  for (const path of command.reads) {
    const { success } = await new Deno.Command("test", {
      args: ["-r", path],
      uid: user.uid,
      gid: user.gid,
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) continue;
    throw new PreflightError(
      `Cannot start the proxy as uid ${user.uid}: it cannot read "${path}", use the executable or give that user access`,
      true,
    );
  }
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
 * Checks that a user without rights can listen on every port.
 *
 * @param config where the proxy and its endpoint are to listen
 * @param run runs `cat`
 * @throws {PreflightError} that says what else can be done
 */
export async function requireOpenPorts(
  { listen, admin }: Pick<ServeConfig, "listen" | "admin">,
  run: Runner,
): Promise<void> {
  const read = await run([
    "cat",
    "/proc/sys/net/ipv4/ip_unprivileged_port_start",
  ]);
  const from = typeof read === "string" || read.code !== 0
    ? UNPRIVILEGED_FROM
    : Number(read.stdout);
  if (admin !== undefined && isClosed(admin, from)) {
    throw new PreflightError(
      `Cannot use --admin ${
        formatAddress(admin)
      } as root: the proxy gives root up, expected a port from ${from}`,
      true,
    );
  }
  const closed = listen.find((address) => isClosed(address, from));
  if (closed === undefined) return;
  throw new PreflightError(
    `Cannot use --listen ${
      formatAddress(closed)
    } as root: the proxy gives root up, expected a port from ${from} (with --iptables, the rule leads port 80 there), or a start as another user with CAP_NET_BIND_SERVICE`,
    true,
  );
}

/**
 * What of the kernel's settings may cut the proxy off, in one line. With SYN
 * cookies alone, the answers to connections carry no socket, and the guard
 * cannot tell the proxy's from a stranger's.
 *
 * @param run runs `cat`
 */
export async function synCookieWarning(
  run: Runner,
): Promise<string | undefined> {
  const read = await run(["cat", "/proc/sys/net/ipv4/tcp_syncookies"]);
  return typeof read !== "string" && read.stdout.trim() === "2"
    ? "the kernel answers with SYN cookies alone, which the guard takes for a stranger's answers: set net.ipv4.tcp_syncookies to 1"
    : undefined;
}
