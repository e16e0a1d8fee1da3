/**
 * What the kernel lets this process's children do.
 *
 * @module
 */
import { readKernel, type Runner } from "./runner.ts";

/** A capability this program may need, without `CAP_`. */
export type Capability = "KILL" | "SETGID" | "SETUID" | "NET_ADMIN" | "NET_RAW";

/** Their bits; capability.h. */
const BITS: Readonly<Record<Capability, number>> = {
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  NET_ADMIN: 12,
  NET_RAW: 13,
};

/**
 * Which of some capabilities are missing. Empty when that cannot be read: then
 * the command that needs them says so.
 *
 * @param wanted the capabilities to look for
 * @param run runs `cat`
 */
export async function missingCapabilities(
  wanted: readonly Capability[],
  run: Runner,
): Promise<readonly Capability[]> {
  const status = await readKernel("/proc/self/status", run);
  const [, hex] = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status) ?? [];
  if (hex === undefined) return [];
  const effective = BigInt(`0x${hex}`);
  return wanted.filter((name) => (effective >> BigInt(BITS[name]) & 1n) === 0n);
}
