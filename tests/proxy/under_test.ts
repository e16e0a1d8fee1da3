/**
 * A proxy in this process, with what it logged.
 *
 * @module
 */
import type {
  ServeConfig,
  UpstreamAddress,
} from "../../lib/config/serve_config.ts";
import type { Meters } from "../../lib/system/meters.ts";
import { startProxy } from "../../lib/proxy/proxy.ts";
import type { UpstreamSource } from "../../lib/proxy/upstream/upstream.ts";
import { recordLog } from "../helpers/log.ts";
import { ask, get, type RawAnswer } from "../helpers/raw.ts";
import {
  type RawUpstream,
  type Script,
  startUpstream,
} from "../helpers/upstream.ts";

/** A proxy that listens on loopback. */
export interface ProxyUnderTest extends AsyncDisposable {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** The lines it logged so far. */
  readonly log: readonly string[];
  /** Those of the level warn and above. */
  readonly warnings: readonly string[];
}

/** The map of the defaults. */
export const DEFAULT_REGIONS: ReadonlyMap<string, string> = new Map([
  ["us-east-1", "us-iso-east-1"],
]);

/** The map of `--region none`. */
export const NO_REGIONS: ReadonlyMap<string, string> = new Map();

/**
 * The configuration of the defaults, the log at debug.
 *
 * @param upstream the upstream
 * @param given what differs from them
 */
export function configOf(
  upstream: UpstreamAddress,
  given: Partial<ServeConfig> = {},
): ServeConfig {
  return {
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    listenAnywhere: false,
    upstream,
    regions: DEFAULT_REGIONS,
    rewrite: "safe",
    timeoutMs: 60_000,
    cacheMs: 1_000,
    logLevel: "debug",
    logFormat: "text",
    ...given,
  };
}

/**
 * Starts a proxy with the configuration of the defaults, the log at debug.
 *
 * @param upstream the upstream
 * @param given what differs from the defaults
 * @param meters what is counted, if a test asks for it
 * @param source where the upstream is, if it moves
 */
export async function startUnderTest(
  upstream: UpstreamAddress,
  given: Partial<ServeConfig> = {},
  meters?: Meters,
  source?: UpstreamSource,
): Promise<ProxyUnderTest> {
  const config = configOf(upstream, given);
  const { logLevel: level, logFormat: format } = config;
  const { log, lines } = recordLog({ level, format });
  const proxy = await startProxy(config, log, source, meters);
  return {
    address: proxy.addresses[0] as Deno.NetAddr,
    log: lines,
    get warnings() {
      return lines.filter((line) =>
        /(?: (?:warn|error) |"(?:warn|error)")/.test(line)
      );
    },
    async [Symbol.asyncDispose]() {
      const late = setTimeout(() => proxy.abort(), 2_000);
      await proxy.shutdown();
      clearTimeout(late);
      await proxy.finished;
    },
  };
}

/** A proxy in this process before a service that is scripted. */
export interface Stage extends AsyncDisposable {
  /** The service. */
  readonly upstream: RawUpstream;
  /** The proxy. */
  readonly proxy: ProxyUnderTest;
  /** Asks the proxy for a target. */
  ask(target: string, ...lines: readonly string[]): Promise<RawAnswer>;
}

/**
 * Starts both.
 *
 * @param script what the service does
 * @param given what differs from the defaults
 */
export async function startStage(
  script: Script,
  given: Partial<ServeConfig> = {},
): Promise<Stage> {
  const upstream = await startUpstream(script);
  const proxy = await startUnderTest(upstream.address, given);
  return {
    upstream,
    proxy,
    ask: (target, ...lines) => ask(proxy.address, get(target, ...lines)),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}
