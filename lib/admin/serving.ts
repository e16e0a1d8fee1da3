/**
 * The proxy together with the administrators' endpoint, where that is wanted.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { Meters } from "../system/meters.ts";
import type { Listener } from "../proxy/listener.ts";
import { type Proxy, startProxy } from "../proxy/proxy.ts";
import type { SocketOwners } from "../system/socket_owners.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import { openAdmin } from "./admin.ts";
import { renderMetrics } from "./metrics.ts";
import { type Check, faultOf, readiness, type RuleView } from "./readiness.ts";

/** What serving needs beside its configuration. */
export interface ServingParts {
  /** The log. */
  readonly log: Log;
  /** Tells where the upstream is, if that moves. */
  readonly source?: UpstreamSource | undefined;
  /** The rule, where there is one to keep. */
  readonly rule?: RuleView | undefined;
  /** Tells who asks, so that no user takes the places of others. */
  readonly owners?: SocketOwners | undefined;
  /** What this program is, by label: its version and the like. */
  readonly build: Readonly<Record<string, string>>;
}

/**
 * Starts the proxy and, with `--admin`, the endpoint. Both end together, the
 * endpoint last.
 *
 * @param config the configuration
 * @param parts what else it needs
 * @throws {Error} when an address cannot be had; nothing listens then
 */
export async function startServing(
  config: ServeConfig,
  { log, source, rule, owners, build }: ServingParts,
): Promise<Proxy> {
  const { admin: address } = config;
  const meters = address && new Meters();
  const startedAt = Date.now();
  const proxy = await startProxy(config, log, source, meters, owners);
  if (address === undefined || meters === undefined) return proxy;
  let isStopping = false;
  let admin: Listener;
  try {
    admin = openAdmin(address, {
      async metrics() {
        const now = rule && {
          isInPlace: await faultOf(() => rule.fault()) === undefined,
          ...rule.tally,
        };
        return renderMetrics({ meters, build, startedAt, rule: now });
      },
      readiness: readiness({
        proxy: () => Promise.resolve(isStopping ? "stopping" : undefined),
        upstream: upstreamCheck(proxy),
        ...rule && { rule: () => rule.fault() },
      }),
      log,
    });
  } catch (error) {
    await proxy.shutdown();
    throw error;
  }
  log.info("administrators may ask", {
    url: `http://${formatAddress(admin.address)}`,
  });
  return {
    ...proxy,
    get requests() {
      return proxy.requests;
    },
    closing() {
      isStopping = true;
      proxy.closing();
    },
    async shutdown() {
      isStopping = true;
      await proxy.shutdown();
      await admin.shutdown();
    },
    abort() {
      proxy.abort();
      admin.abort();
    },
  };
}

function upstreamCheck({ askUpstream }: Pick<Proxy, "askUpstream">): Check {
  return async (timeoutMs) => {
    const status = await askUpstream(timeoutMs);
    // A service that refuses requests without a token is up.
    return status < 500 ? undefined : `answered with status ${status}`;
  };
}
