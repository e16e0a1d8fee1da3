/**
 * Which of the child's listeners the rule sends traffic to.
 *
 * @module
 */
import type { ListenAddress } from "../config/serve_config.ts";

/** The proxy's ports on the loopback addresses. */
export interface Ports {
  /** On 127.0.0.1. */
  readonly ip?: number;
  /** On ::1. */
  readonly ip6?: number;
}

/**
 * REDIRECT in OUTPUT goes to exactly 127.0.0.1 and ::1, so only a listener
 * there, or on every address, can take its traffic.
 *
 * @param addresses the listeners
 */
export function rulePorts(addresses: readonly ListenAddress[]): Ports {
  const port = (...hostnames: readonly string[]) =>
    addresses.find(({ hostname }) => hostnames.includes(hostname))?.port;
  const ip = port("127.0.0.1", "0.0.0.0", "::");
  const ip6 = port("::1", "::");
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
  };
}
