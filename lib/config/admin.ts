/**
 * Where the administrators' endpoint listens.
 *
 * @module
 */
import { formatAddress, isLoopback, parseListenAddress } from "./address.ts";
import { type Given, refuse } from "./given.ts";
import type { ListenAddress, UpstreamAddress } from "./serve_config.ts";

/** The hosts of a listener that takes a port on every address. */
const ANYWHERE: readonly string[] = ["0.0.0.0", "::"];

/**
 * Reads the address. Loopback only, whatever else is allowed: what it answers
 * is plain HTTP for whoever asks.
 *
 * @param given HOST:PORT, if it is given at all
 * @param config where the proxy listens, and whom it asks
 * @throws {UsageError} for a bad address, one that is not loopback, or one of
 * the proxy's or the upstream's own
 */
export function parseAdmin(
  given: Given | undefined,
  { listen, upstream }: {
    readonly listen: readonly ListenAddress[];
    readonly upstream: UpstreamAddress;
  },
): ListenAddress | undefined {
  if (given === undefined) return undefined;
  const address = parseListenAddress(given);
  if (!isLoopback(address.hostname)) refuse(given, "a loopback address");
  const isTaken = ({ hostname, port }: ListenAddress) =>
    port !== 0 && port === address.port &&
    (hostname === address.hostname || ANYWHERE.includes(hostname));
  if (listen.some(isTaken)) refuse(given, "another port than the proxy's own");
  if (formatAddress(upstream) === formatAddress(address)) {
    refuse(given, "another address than the upstream's");
  }
  return Object.freeze(address);
}
