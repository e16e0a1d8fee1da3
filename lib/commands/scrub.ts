/**
 * Variables that change where a runtime connects or listens. None may bend the
 * way of a request: https://docs.deno.com/runtime/reference/env_variables/
 *
 * @module
 */

const BENDING =
  /^(?:(?:HTTP|HTTPS|ALL|NO)_PROXY|NODE_USE_ENV_PROXY|NODE_OPTIONS|DENO_SERVE_.*)$/i;

/**
 * Whether a variable must go before the proxy listens.
 *
 * @param name the variable's name
 */
export function isBending(name: string): boolean {
  return BENDING.test(name);
}

/** Takes all such variables out of this process's environment. */
export function scrubEnvironment(): void {
  for (const name of Object.keys(Deno.env.toObject())) {
    if (isBending(name)) Deno.env.delete(name);
  }
}
