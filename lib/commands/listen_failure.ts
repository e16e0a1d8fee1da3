/**
 * Why an address cannot be had, and what to do.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ListenAddress } from "../config/serve_config.ts";

const REASONS = [
  [
    Deno.errors.AddrInUse,
    "another program has it, stop that one or choose another --listen",
  ],
  [
    Deno.errors.AddrNotAvailable,
    "this machine has no such address, choose another --listen",
  ],
  [
    Deno.errors.PermissionDenied,
    "no permission, choose a port from 1024 or grant CAP_NET_BIND_SERVICE",
  ],
] as const;

function reasonOf(error: unknown): string | undefined {
  return REASONS.find(([type]) => error instanceof type)?.[1];
}

/**
 * Explains an error of listening.
 *
 * @param error what was thrown: the system's error, or one that names the
 * address and has the system's as its cause
 * @param addresses where it was to listen
 * @returns an error that names the address and the cure, or the same one
 * where it has another reason
 */
export function listenFailure(
  error: unknown,
  addresses: readonly ListenAddress[],
): unknown {
  const bare = reasonOf(error);
  if (bare !== undefined) {
    const where = addresses.map(formatAddress).join(" or ");
    return new Error(`Cannot listen on ${where}: ${bare}`);
  }
  const reason = error instanceof Error ? reasonOf(error.cause) : undefined;
  if (!(error instanceof Error) || reason === undefined) return error;
  return new Error(`${error.message}: ${reason}`);
}
