/**
 * The addresses to listen on, together.
 *
 * @module
 */
import { formatAddress, isLoopback, parseListenAddress } from "./address.ts";
import { type Given, refuse } from "./given.ts";
import { MDPROXY_LISTEN } from "./mdproxy_variables.ts";
import type { ListenAddress } from "./serve_config.ts";
import { METADATA_HOST } from "./serve_options.ts";

/**
 * Reads every address to listen on.
 *
 * @param givens HOST:PORT each
 * @param anywhere whether others than this machine may reach them
 * @throws {UsageError} for a bad address, one that stands twice, or one that
 * is not loopback unless that is allowed
 */
export function parseListeners(
  givens: readonly Given[],
  anywhere: boolean,
): readonly ListenAddress[] {
  const seen = new Set<string>();
  return givens.map((given) => {
    const address = parseListenAddress(given);
    if (!anywhere && !isForNodeAlone(given, address)) {
      refuse(given, "a loopback address, or --listen-anywhere beside it");
    }
    const written = formatAddress(address);
    if (address.port !== 0 && seen.has(written)) {
      refuse(given, "each address once");
    }
    seen.add(written);
    return Object.freeze(address);
  });
}

/**
 * The service's own address is as good as loopback for those who come from
 * mdproxy4cs and have it on `lo`; everybody else says that they mean it.
 */
function isForNodeAlone(given: Given, { hostname }: ListenAddress): boolean {
  return isLoopback(hostname) ||
    given.source === MDPROXY_LISTEN && hostname === METADATA_HOST;
}
