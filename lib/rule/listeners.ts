/**
 * The TCP sockets that listen where the rule redirects to.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";

/** A listening socket of this network namespace. */
export interface Listener {
  /** Its address. */
  readonly local: string;
  /** Its port. */
  readonly localPort: number;
  /** Its owner, as the kernel counts. */
  readonly uid: number;
}

/** The addresses that take what is redirected, as /proc/net/tcp has them. */
const LOCAL: Readonly<Record<string, string>> = {
  "0100007F": "127.0.0.1",
  "00000000": "0.0.0.0",
  "00000000000000000000000001000000": "::1",
  "00000000000000000000000000000000": "::",
};

/**
 * Reads the sockets that listen on a loopback address or on all.
 *
 * @param text the contents of /proc/net/tcp and /proc/net/tcp6
 */
function parseListeners(text: string): readonly Listener[] {
  const line =
    /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A \S+ \S+ \S+\s+(\d+)/gm;
  return [...text.matchAll(line)].flatMap(([, hex = "", port = "", uid]) => {
    const local = LOCAL[hex];
    return local === undefined
      ? []
      : [{ local, localPort: parseInt(port, 16), uid: Number(uid) }];
  });
}

/** Finds those sockets; `undefined` where it cannot be told. */
export async function findListeners(
  run: Runner,
): Promise<readonly Listener[] | undefined> {
  // Through `cat`, because Deno opens /proc only with every permission. It
  // fails after the first file where the kernel has no IPv6.
  const tables = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
  return typeof tables === "string" || !tables.stdout.includes("local_address")
    ? undefined
    : parseListeners(tables.stdout);
}
