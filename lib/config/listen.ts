/**
 * The addresses to listen on, together.
 *
 * @module
 */
import { formatAddress, isLoopback, parseListenAddress } from "./address.ts";
import { type Given, refuse } from "./given.ts";
import type { ListenAddress } from "./serve_config.ts";

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
    if (!anywhere && !isLoopback(address.hostname)) {
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
