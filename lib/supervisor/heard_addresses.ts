/**
 * Where a child says that it listens, held against where it was told to: the
 * port goes into what root feeds to iptables.
 *
 * @module
 */
import type { ListenAddress } from "../config/serve_config.ts";

/** The highest port. */
const LAST_PORT = 65_535;

/**
 * Takes a child's word for no more than the ports it could choose itself.
 *
 * @param heard what the child says, which is not to be trusted
 * @param asked where it was told to listen
 * @throws {Error} when it says anything else
 */
export function heardAddresses(
  heard: unknown,
  asked: readonly ListenAddress[],
): readonly ListenAddress[] {
  const ports = Array.isArray(heard) ? heard.map((it) => it?.port) : [];
  if (
    ports.length !== asked.length ||
    !asked.every(({ port }, i) => isChoice(ports[i], port))
  ) {
    throw new Error("Cannot use what it says it listens on");
  }
  return asked.map(({ hostname }, i) => ({ hostname, port: ports[i] }));
}

function isChoice(port: unknown, asked: number): port is number {
  if (asked !== 0) return port === asked;
  return Number.isInteger(port) && Number(port) > 0 &&
    Number(port) <= LAST_PORT;
}
