/**
 * What the child of `serve` gives up for good.
 *
 * @module
 */

/**
 * What the child gives up once it listens. It keeps `net`, which forwarding
 * needs, and `sys`, with which it knows the node's own addresses.
 */
export const RENOUNCED = [
  "run",
  "read",
  "write",
  "env",
  "ffi",
  "import",
] as const;

/**
 * Gives up {@linkcode RENOUNCED} and makes sure of it.
 *
 * @throws {Error} that names what it still has
 */
export function renounce(): void {
  for (const name of RENOUNCED) {
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") {
      throw new Error(`Cannot give up the permission "${name}"`);
    }
  }
}
