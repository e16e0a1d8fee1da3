/**
 * What a process gives up before it serves: the variables that change where
 * its connections go, and the permissions that it does not need.
 *
 * @module
 */

/** What `serve` drops before it reads anything: it writes no file. */
export const NEVER_NEEDED = ["write", "ffi", "import"] as const;

/**
 * What `serve` without a child drops besides once it listens. It may still
 * have to look who asks, or where its upstream is.
 */
export const NEEDED_TO_START = ["env"] as const;

/**
 * What the child drops once it listens. It keeps `net`, which forwarding
 * needs, and `sys`, with which it reads the node's own addresses.
 */
export const DROPPED_BY_CHILD = [
  ...NEVER_NEEDED,
  ...NEEDED_TO_START,
  "read",
  "run",
] as const;

/**
 * Drops permissions and makes sure of it.
 *
 * @param names which
 * @throws {Error} that names one that is still granted
 */
export function dropPermissions(
  names: readonly (typeof DROPPED_BY_CHILD)[number][],
): void {
  for (const name of names) {
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") {
      throw new Error(`Cannot drop the permission "${name}"`);
    }
  }
}

/** https://docs.deno.com/runtime/reference/env_variables/ */
const CONNECTING =
  /^(?:(?:HTTP|HTTPS|ALL|NO)_PROXY|NODE_USE_ENV_PROXY|NODE_OPTIONS|DENO_SERVE_.*)$/i;

/**
 * Whether a variable changes where the runtime connects or listens.
 *
 * @param name the variable's name
 */
export function redirectsConnections(name: string): boolean {
  return CONNECTING.test(name);
}

/** Removes all such variables from this process's environment. */
export function sanitizeEnvironment(): void {
  for (const name of Object.keys(Deno.env.toObject())) {
    if (redirectsConnections(name)) Deno.env.delete(name);
  }
}
