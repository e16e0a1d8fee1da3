/**
 * Why an address cannot be had, and what to do.
 *
 * @module
 */
import { ListenError } from "../proxy/listener.ts";

/** What each error means; FLAG stands for the one that names the address. */
const REASONS = [
  [
    Deno.errors.AddrInUse,
    "another program has it, stop that one or choose another FLAG",
  ],
  [
    Deno.errors.AddrNotAvailable,
    "this machine has no such address, choose another FLAG",
  ],
  [
    Deno.errors.PermissionDenied,
    "no permission, choose a port from 1024 or grant CAP_NET_BIND_SERVICE",
  ],
] as const;

/**
 * Explains an error of listening.
 *
 * @param error what was thrown: it names the address, its cause is the
 * system's error
 * @returns an error that says what to do, or the same one where that is not
 * known
 */
export function listenFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const flag = error instanceof ListenError ? error.flag : "--listen";
  const reason = REASONS.find(([type]) => error.cause instanceof type)?.[1];
  return reason === undefined
    ? error
    : new Error(`${error.message}: ${reason.replace("FLAG", flag)}`);
}
