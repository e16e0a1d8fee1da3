/**
 * A proxy with the administrators' endpoint, in this process.
 *
 * @module
 */
import { startServing } from "../../lib/admin/serving.ts";
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "../../lib/config/serve_config.ts";
import { createLog } from "../../lib/system/log.ts";
import type { RuleView } from "../../lib/admin/readiness.ts";
import type { Proxy } from "../../lib/proxy/proxy.ts";
import { ask, type RawAnswer } from "../helpers/raw.ts";

/** Both, on loopback. */
export interface AdminUnderTest extends AsyncDisposable {
  /** Where the proxy listens. */
  readonly address: ListenAddress;
  /** Where administrators ask. */
  readonly admin: ListenAddress;
  /** The proxy itself. */
  readonly proxy: Proxy;
  /** The lines it logged so far. */
  readonly log: readonly string[];
  /** Asks the endpoint for a path. */
  ask(path: string, ...headers: readonly string[]): Promise<RawAnswer>;
}

/** A configuration with an endpoint. */
export function adminConfig(
  upstream: UpstreamAddress,
  given: Partial<ServeConfig> = {},
): ServeConfig {
  return {
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    listenAnywhere: false,
    admin: { hostname: "127.0.0.1", port: 0 },
    upstream,
    regions: new Map([["us-east-1", "us-iso-east-1"]]),
    rewrite: "safe",
    timeoutMs: 60_000,
    cacheMs: 0,
    logLevel: "debug",
    logFormat: "text",
    ...given,
  };
}

/**
 * Starts both.
 *
 * @param upstream the upstream
 * @param given what differs from the defaults
 * @param rule the rule, if there is one
 */
export async function startAdmin(
  upstream: UpstreamAddress,
  given: Partial<ServeConfig> = {},
  rule?: RuleView,
): Promise<AdminUnderTest> {
  const log: string[] = [];
  const proxy = await startServing(adminConfig(upstream, given), {
    log: createLog({
      level: "debug",
      format: "text",
      write: (line) => log.push(line),
    }),
    rule,
    build: { version: "1.2.3" },
  });
  const [, port] = /administrators may ask url=http:\/\/127\.0\.0\.1:(\d+)/
    .exec(log.join("")) ?? [];
  const admin = { hostname: "127.0.0.1", port: Number(port) };
  return {
    address: proxy.addresses[0] as Deno.NetAddr,
    admin,
    proxy,
    log,
    ask: (path, ...headers) =>
      ask(
        admin,
        [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""]
          .join("\r\n"),
      ),
    async [Symbol.asyncDispose]() {
      const late = setTimeout(() => proxy.abort(), 2_000);
      await proxy.shutdown();
      clearTimeout(late);
    },
  };
}
