/**
 * What `serve` and its child give up for good.
 *
 * @module
 */

/**
 * What `serve` gives up before it reads anything, whether or not it is to have
 * a child: it writes no file, and all of its code is there.
 */
export const NEVER_NEEDED = ["write", "ffi", "import"] as const;

/**
 * What `serve` without a child gives up besides once it listens. It may still
 * have to look who asks, or where its upstream is.
 */
export const NEEDED_TO_START = ["env"] as const;

/**
 * What the child gives up once it listens. It keeps `net`, which forwarding
 * needs, and `sys`, with which it knows the node's own addresses.
 */
export const RENOUNCED = [
  ...NEVER_NEEDED,
  ...NEEDED_TO_START,
  "read",
  "run",
] as const;

/**
 * Gives up permissions and makes sure of it.
 *
 * @param names which
 * @throws {Error} that names what it still has
 */
export function renounce(names: readonly (typeof RENOUNCED)[number][]): void {
  for (const name of names) {
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") {
      throw new Error(`Cannot give up the permission "${name}"`);
    }
  }
}
