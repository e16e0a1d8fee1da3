/**
 * What the kernel lets this process's children do.
 *
 * @module
 */
import type { Runner } from "./runner.ts";

/** The bits of the capabilities this program may need; capability.h. */
export const CAPABILITIES = {
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  NET_ADMIN: 12,
  NET_RAW: 13,
} as const;

/** One of {@linkcode CAPABILITIES}. */
export type Capability = keyof typeof CAPABILITIES;

/**
 * Reads the effective capabilities out of `/proc/PID/status`; `undefined`
 * where it does not name them.
 */
export function parseCapabilities(status: string): bigint | undefined {
  const hex = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return hex === undefined ? undefined : BigInt(`0x${hex}`);
}

/**
 * Which of some capabilities are missing. Empty when that cannot be read: then
 * the command that needs them says so.
 *
 * @param wanted the capabilities to look for
 */
export async function missingCapabilities(
  wanted: readonly Capability[],
  run: Runner,
): Promise<readonly Capability[]> {
  // Through `cat`, because Deno opens /proc only with every permission.
  const result = await run(["cat", "/proc/self/status"]);
  if (typeof result === "string") return [];
  const effective = parseCapabilities(result.stdout);
  if (effective === undefined) return [];
  return wanted.filter((name) =>
    (effective >> BigInt(CAPABILITIES[name]) & 1n) === 0n
  );
}
