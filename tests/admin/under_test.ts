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
import type { RuleView } from "../../lib/admin/readiness.ts";
import type { Proxy } from "../../lib/proxy/proxy.ts";
import { recordLog } from "../helpers/log.ts";
import { ask, type RawAnswer } from "../helpers/raw.ts";
import { configOf } from "../proxy/under_test.ts";

/** Both, on loopback. */
export interface AdminUnderTest extends AsyncDisposable {
  /** Where the proxy listens. */
  readonly address: ListenAddress;
  /** Where administrators ask. */
  readonly admin: ListenAddress;
  /** The proxy itself. */
  readonly proxy: Proxy;
  /** Asks the endpoint for a path. */
  ask(path: string, ...headers: readonly string[]): Promise<RawAnswer>;
}

/** A configuration with an endpoint. */
export function adminConfig(
  upstream: UpstreamAddress,
  given: Partial<ServeConfig> = {},
): ServeConfig {
  const admin = { hostname: "127.0.0.1", port: 0 };
  return configOf(upstream, {
    admin,
    cacheMs: 0,
    ...given,
  });
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
  const { log, lines } = recordLog();
  const proxy = await startServing(adminConfig(upstream, given), {
    log,
    rule,
    build: { version: "1.2.3" },
  });
  const [, port] = /administrators may ask url=http:\/\/127\.0\.0\.1:(\d+)/
    .exec(lines.join("")) ?? [];
  const admin = { hostname: "127.0.0.1", port: Number(port) };
  return {
    address: proxy.addresses[0] as Deno.NetAddr,
    admin,
    proxy,
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
