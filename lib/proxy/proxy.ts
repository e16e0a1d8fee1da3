/**
 * The proxy as a whole: every listener, one upstream, one way to stop.
 *
 * @module
 */
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { Meters } from "../system/meters.ts";
import { serversOf, type SocketOwners } from "../system/socket_owners.ts";
import { ownAddresses } from "./admission.ts";
import { Handler } from "./handler.ts";
import { listen, type Listener } from "./listener.ts";
import { places } from "./places.ts";
import { TimeLimit } from "./upstream/time_limit.ts";
import { Upstream, type UpstreamSource } from "./upstream/upstream.ts";

/** A proxy that listens. */
export interface Proxy {
  /** Where it listens, in the order of the configuration. */
  readonly addresses: readonly Deno.NetAddr[];
  /** Settles when every listener has ended. */
  readonly finished: Promise<void>;
  /** How many requests have come so far. */
  readonly requests: number;
  /**
   * Asks the upstream whether it is there, for `/` and without a token.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @returns the status of its answer
   * @throws {UpstreamError} when there is none in time
   */
  askUpstream(timeoutMs: number): Promise<number>;
  /**
   * Answers by another configuration from now on; where it listens and what
   * it asks stay as they are.
   */
  configure(config: ServeConfig): void;
  /** From now on asks clients to close their connections. */
  closing(): void;
  /** Takes no new connections and waits for the requests in flight. */
  shutdown(): Promise<void>;
  /** Drops every connection at once. */
  abort(): void;
}

/**
 * Listens on every address of the configuration.
 *
 * @param config the configuration
 * @param log the log
 * @param source tells where the upstream is, if it is not to stay where the
 * configuration has it
 * @param meters what is counted
 * @param owners tells who asks, so that no user takes the places of others
 * @throws {Error} when an address cannot be had; nothing listens then
 */
export async function startProxy(
  config: ServeConfig,
  log: Log,
  source?: UpstreamSource,
  meters = new Meters(),
  owners?: SocketOwners,
): Promise<Proxy> {
  const upstream = new Upstream(config.upstream, source);
  const listeners: Listener[] = [];
  const servers = () => serversOf(listeners.map((it) => it.address));
  const handler = new Handler(config, {
    upstream,
    isOwn: ownAddresses(),
    takePlace: places(owners && (() => owners(servers()))),
    log,
    meters,
  });
  try {
    for (const address of config.listen) {
      listeners.push(
        listen(address, (...given) => handler.handle(...given), log),
      );
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.shutdown()));
    throw error;
  }
  return {
    addresses: listeners.map((listener) => listener.address),
    finished: Promise.all(listeners.map((it) => it.finished)).then(() => {}),
    get requests() {
      return handler.requests;
    },
    askUpstream: (timeoutMs) => askUpstream(upstream, timeoutMs),
    configure: (changed) => handler.configure(changed),
    closing: () => handler.drain(),
    async shutdown() {
      handler.drain();
      await Promise.all(listeners.map((listener) => listener.shutdown()));
      upstream.close();
    },
    abort() {
      for (const listener of listeners) listener.abort();
      upstream.close();
    },
  };
}

/** The most of an answer that is read, so that the service closes first. */
const ENOUGH_BYTES = 64 * 1024;

async function askUpstream(
  upstream: Upstream,
  timeoutMs: number,
): Promise<number> {
  const limit = new TimeLimit(timeoutMs);
  try {
    const { status, body } = await upstream.send({
      method: "GET",
      target: "/",
      headers: [["host", upstream.authority]],
      body: undefined,
    }, limit);
    await body.start(ENOUGH_BYTES);
    body.destroy();
    return status;
  } finally {
    limit[Symbol.dispose]();
  }
}
