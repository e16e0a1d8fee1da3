/**
 * The proxy together with the administrators' endpoint, where that is wanted.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { Meters } from "../system/meters.ts";
import type { RuleView } from "./rule_view.ts";
import type { Listener } from "../proxy/listener.ts";
import { type Proxy, startProxy } from "../proxy/proxy.ts";
import type { SocketOwners } from "../system/socket_owners.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import { openAdmin } from "./admin.ts";
import { renderMetrics } from "./metrics.ts";
import { type Check, Readiness } from "./readiness.ts";

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
  if (address === undefined) {
    return await startProxy(config, log, source, undefined, owners);
  }
  const meters = new Meters();
  const startedAt = Date.now();
  const proxy = await startProxy(config, log, source, meters, owners);
  let isStopping = false;
  let admin: Listener;
  try {
    admin = openAdmin(address, {
      metrics: () =>
        renderMetrics({ meters, build, startedAt, rule: rule?.tally }),
      log,
      readiness: new Readiness([
        stopping(() => isStopping),
        upstream(proxy),
        ...rule === undefined ? [] : [ruleCheck(rule)],
      ]),
    });
  } catch (error) {
    await proxy.shutdown();
    throw error;
  }
  log.info("administrators may ask", {
    url: `http://${formatAddress(admin.address)}`,
  });
  return {
    addresses: proxy.addresses,
    finished: proxy.finished,
    get requests() {
      return proxy.requests;
    },
    askUpstream: (timeoutMs) => proxy.askUpstream(timeoutMs),
    configure: (changed) => proxy.configure(changed),
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

function stopping(isStopping: () => boolean): Check {
  return {
    name: "proxy",
    fault: () => Promise.resolve(isStopping() ? "stopping" : undefined),
  };
}

function upstream(proxy: Pick<Proxy, "askUpstream">): Check {
  return {
    name: "upstream",
    async fault(timeoutMs) {
      try {
        const status = await proxy.askUpstream(timeoutMs);
        // A service that refuses requests without a token is up.
        return status < 500 ? undefined : `answered with status ${status}`;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
  };
}

function ruleCheck(rule: RuleView): Check {
  return { name: "rule", fault: () => rule.fault() };
}
