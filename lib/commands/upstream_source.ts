/**
 * What finds an upstream that moves.
 *
 * @module
 */
import type { ServeConfig } from "../config/serve_config.ts";
import { viewNode } from "../cloudstack/node_view.ts";
import {
  RouterSource,
  type RouterSourceOptions,
} from "../cloudstack/router_source.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import type { Runner } from "../system/runner.ts";

/**
 * Makes the source of an upstream that is to be found.
 *
 * @param config says how
 * @param parts the log, what runs commands, and the pauses between tries
 * @returns nothing where the upstream has a fixed address
 */
export function upstreamSource(
  { discover }: Pick<ServeConfig, "discover">,
  { run, ...options }:
    & { readonly run: Runner }
    & Pick<RouterSourceOptions, "log" | "pausesMs">,
): UpstreamSource | undefined {
  if (discover === undefined) return undefined;
  const view = viewNode(run);
  return new RouterSource({ view, device: discover.interface, ...options });
}
