/**
 * The proxy as a whole: every listener, one upstream, one way to stop.
 *
 * @module
 */
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../observe/log.ts";

/** A proxy that listens. */
export interface Proxy {
  /** Where it listens, in the order of the configuration. */
  readonly addresses: readonly Deno.NetAddr[];
  /** Settles when every listener has ended. */
  readonly finished: Promise<void>;
  /** Takes no new connections and waits for the requests in flight. */
  shutdown(): Promise<void>;
  /** Drops every connection at once. */
  abort(): void;
}

/**
 * Listens on every address of the configuration.
 *
 * @throws {Error} when an address cannot be had; nothing listens then
 */
export function startProxy(config: ServeConfig, log: Log): Promise<Proxy> {
  log.debug("starting", { listeners: config.listen.length });
  return Promise.reject(new Error("Not built yet"));
}
