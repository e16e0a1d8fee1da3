/**
 * What of a new configuration can hold at once, and what needs a restart.
 *
 * @module
 */
import type { WholeConfig } from "./serve_config.ts";
import { OPTIONS, type ServeOption } from "./serve_options.ts";

/** A configuration that was read again. */
export interface Changes {
  /** What holds from now on: what is fixed as it was, all else anew. */
  readonly config: WholeConfig;
  /** The options that changed and hold from now on. */
  readonly live: readonly string[];
  /** The options that changed and need a restart. */
  readonly restart: readonly string[];
}

/** The options whose fields of the configuration have another name. */
const OTHERS: Readonly<Record<string, ServeOption>> = {
  discover: OPTIONS.upstream,
  identity: { ...OPTIONS.identity, name: "profile,overrides" },
};

/**
 * Compares a configuration with the one in force.
 *
 * @param before what is in force
 * @param after what was read
 */
export function changesOf(before: WholeConfig, after: WholeConfig): Changes {
  const options = Object.entries<ServeOption>({ ...OPTIONS, ...OTHERS });
  const changed = options.filter(([field]) =>
    textOf(before, field) !== textOf(after, field)
  );
  const names = (isLive: boolean) => {
    const of = changed.filter(([, { live = false }]) => live === isLive);
    return [...new Set(of.map(([, { name }]) => name))];
  };
  const fixed = options.filter(([, { live }]) => !live)
    .map(([field]) => [field, Reflect.get(before, field)]);
  return {
    config: { ...after, ...Object.fromEntries(fixed) },
    live: names(true),
    restart: names(false),
  };
}

/** Text that is equal for equal values of a field, wherever they were given. */
function textOf(config: WholeConfig, field: string): string | undefined {
  const value = Reflect.get({ ...config, user: config.user.text }, field);
  return JSON.stringify(value, (_, it) => it instanceof Map ? [...it] : it);
}
