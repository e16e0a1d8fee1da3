/**
 * The configuration of `serve`, whole and validated.
 *
 * @module
 */
import type { LogFormat, LogLevel } from "../system/log.ts";
import type { Identity } from "./profile.ts";
import type { RegionMap } from "./regions.ts";
import type { User } from "./values.ts";

/** An address to listen on; port 0 takes a free one. */
export interface ListenAddress {
  /** An IP address without brackets. */
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** The real metadata service. */
export interface UpstreamAddress {
  /** A host name or IP address without brackets. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** How an upstream is found that moves: CloudStack's virtual router. */
export interface DiscoverConfig {
  /** The interface whose DHCP server it is. */
  readonly interface: string;
}

/** Which bodies are rewritten: not those that must stay as they are, or all. */
export const REWRITE_MODES = ["safe", "all"] as const;

/** One of {@linkcode REWRITE_MODES}. */
export type RewriteMode = typeof REWRITE_MODES[number];

/** What becomes of the rule without a proxy. */
export const LEAVINGS = ["keep", "remove"] as const;

/** One of {@linkcode LEAVINGS}; without a proxy a kept rule has clients refused. */
export type Leaving = typeof LEAVINGS[number];

/** Where the rule is installed: by one of the backends, or the one in use. */
export const BACKEND_CHOICES = ["auto", "nft", "legacy", "nftables"] as const;

/** One of {@linkcode BACKEND_CHOICES}. */
export type BackendChoice = typeof BACKEND_CHOICES[number];

/** What `serve` does on the node besides forwarding. */
export interface NodeConfig {
  /** Whether it installs the rule and keeps it. */
  readonly iptables: boolean;
  /** The backend that the rule is installed with. */
  readonly backend: BackendChoice;
  /** Whom the proxy runs as. */
  readonly user: User;
  /** What becomes of the rule on a clean stop. */
  readonly onStop: Leaving;
  /** What becomes of the rule while the proxy is dead. */
  readonly onCrash: Leaving;
  /** Whether the service's address is on `lo` while it serves. */
  readonly address: boolean;
  /** Whether `arp_ignore` may be set for that. */
  readonly arpIgnore: boolean;
}

/** All that `serve` is told. */
export type WholeConfig = ServeConfig & NodeConfig;

/** What the proxy runs with. */
export interface ServeConfig {
  /** Where it listens; never empty. */
  readonly listen: readonly ListenAddress[];
  /** Whether an address that is not loopback is allowed. */
  readonly listenAnywhere: boolean;
  /** The one upstream; its usual name where `discover` says how to find it. */
  readonly upstream: UpstreamAddress;
  /** How the upstream is found, instead of by its address. */
  readonly discover?: DiscoverConfig | undefined;
  /** Where health and metrics are served; nowhere unless told. */
  readonly admin?: ListenAddress | undefined;
  /** Whether requests that come from browsers go through; not unless told. */
  readonly allowBrowsers?: boolean;
  /** Emulated regions by real ones; empty for `--region none`. */
  readonly regions: RegionMap;
  /** What is shown beside the region; nothing unless told. */
  readonly identity?: Identity | undefined;
  /** Which bodies are rewritten. */
  readonly rewrite: RewriteMode;
  /** How long the upstream may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long an answer may be reused, in milliseconds; 0 is off. */
  readonly cacheMs: number;
  /** The least level that is logged. */
  readonly logLevel: LogLevel;
  /** The form of a log line. */
  readonly logFormat: LogFormat;
}
