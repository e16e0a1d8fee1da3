/**
 * What of a new configuration can hold at once, and what needs a restart.
 *
 * @module
 */
import type { Option } from "../cli/options.ts";
import type { WholeConfig } from "./serve_config.ts";
import { OPTIONS } from "./serve_options.ts";

/** A configuration that was read again. */
export interface Changes {
  /** What holds from now on: what is fixed as it was, all else anew. */
  readonly config: WholeConfig;
  /** The options that changed and hold from now on. */
  readonly live: readonly string[];
  /** The options that changed and need a restart. */
  readonly restart: readonly string[];
}

/** The option that a field of the configuration comes from. */
function optionOf(field: string): Option & { readonly live?: true } {
  switch (field) {
    case "discover":
      return OPTIONS.upstream;
    case "identity":
      return { ...OPTIONS.identity, name: "profile,overrides" };
    default:
      return OPTIONS[field as keyof typeof OPTIONS];
  }
}

/**
 * Compares a configuration with the one in force.
 *
 * @param before what is in force
 * @param after what was read
 */
export function changesOf(before: WholeConfig, after: WholeConfig): Changes {
  const flat = ({ node, ...proxy }: WholeConfig) => ({
    ...proxy,
    ...node,
    // Where it was given makes no difference.
    user: node.user.text,
  });
  const changed = differences(flat(before), flat(after)).map(optionOf);
  const fields = (config: WholeConfig, isLive: boolean) =>
    Object.entries(config).filter(([field]) =>
      (field !== "node" && optionOf(field).live === true) === isLive
    );
  const names = (isLive: boolean) => {
    const of = changed.filter(({ live }) => (live === true) === isLive);
    return [...new Set(of.map(({ name }) => name))];
  };
  return {
    config: Object.freeze(
      Object.fromEntries([...fields(before, false), ...fields(after, true)]),
    ) as WholeConfig,
    live: names(true),
    restart: names(false),
  };
}

/** The names of the fields that differ. */
function differences(before: object, after: object): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) =>
    textOf(Reflect.get(before, name)) !== textOf(Reflect.get(after, name))
  );
}

/** Text that is equal for equal values. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_, it) => it instanceof Map ? [...it] : it);
}
