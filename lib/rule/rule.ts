/**
 * The rule as a value: what is caught in each address family, where it goes,
 * and whose traffic is exempt.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { BackendChoice, ListenAddress } from "../config/serve_config.ts";

/** The address families, as nftables calls them. */
export type Family = "ip" | "ip6";

/** The families in the order they are installed: the likelier to fail first. */
export const FAMILIES: readonly Family[] = ["ip6", "ip"];

/** The ways to put rules into the kernel; `nftables` is native nft. */
export type Backend = Exclude<BackendChoice, "auto">;

/** Every backend. */
export const BACKENDS: readonly Backend[] = ["nft", "legacy", "nftables"];

/** One place where a rule can stand. */
export interface Place {
  /** The backend. */
  readonly backend: Backend;
  /** The address family. */
  readonly family: Family;
}

/** What the rule catches. */
export interface Destination {
  /** The address's family. */
  readonly family: Family;
  /** The metadata service's address. */
  readonly address: string;
  /** The metadata service's port. */
  readonly addressPort: number;
}

/** One family's part of the rule. */
export interface Target extends Destination {
  /**
   * The proxy's port on the family's loopback address. Without one nothing is
   * redirected: the guard alone refuses what reaches the service.
   */
  readonly port: number | undefined;
}

/** The rule of one family. */
export interface Rule extends Target {
  /** The proxy's user, as the host counts; its traffic goes direct. */
  readonly uid: number;
}

/**
 * What shall stand.
 *
 * - `open`: the redirect and the guard, at most one target a family. A port
 *   without a listener is refused by the kernel.
 * - `draining`: nothing catches or guards anything, and open connections are
 *   still translated: native nft's empty nat chain stays for that.
 * - `absent`: nothing of ours.
 */
export type Desired =
  | {
    readonly state: "open";
    readonly uid: number;
    readonly targets: readonly Target[];
  }
  | { readonly state: "draining" }
  | { readonly state: "absent" };

/** Where a rule redirects to, and whom it exempts. */
export interface RedirectTarget {
  /** The port on the loopback address. */
  readonly port: number;
  /** The user whose traffic goes direct: the one the proxy runs as. */
  readonly uid: number;
}

/** The chain of our own, in the nat and in the filter table. */
export const CHAIN = "C2S-IMDS";

/** The comment on every rule of ours. */
export const COMMENT = "c2s-imds";

/** The table of our own in native nft. */
export const NATIVE_TABLE = "c2s-imds";

/** The rules that shall stand, one a family; none unless `open`. */
export function rulesOf(desired: Desired): readonly Rule[] {
  return desired.state === "open"
    ? desired.targets.map((target) => ({ ...target, uid: desired.uid }))
    : [];
}

/** The rule that shall stand in a place, if one shall. */
export function ruleAt(
  desired: Desired,
  { backend, family }: Place,
  inUse: Backend,
): Rule | undefined {
  if (backend !== inUse) return undefined;
  return rulesOf(desired).find((rule) => rule.family === family);
}

/** The proxy's ports on the loopback addresses. */
export type Ports = Readonly<Partial<Record<Family, number>>>;

/**
 * The ports that the rule can redirect to: REDIRECT in OUTPUT goes to exactly
 * 127.0.0.1 and ::1, so only a listener there, or on every address, can take
 * its traffic.
 *
 * @param addresses the proxy's listeners
 */
export function rulePorts(addresses: readonly ListenAddress[]): Ports {
  const port = (...hostnames: readonly string[]) =>
    addresses.find(({ hostname }) => hostnames.includes(hostname))?.port;
  const ip = port("127.0.0.1", "0.0.0.0", "::");
  const ip6 = port("::1", "::");
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
  };
}

/** A family's name for people. */
export function familyName(family: Family): string {
  return family === "ip" ? "IPv4" : "IPv6";
}

/** Where a redirect of the output ends, by the family. */
export const LOOPBACK = { ip: "127.0.0.1", ip6: "::1" } as const;

/** A port on a family's loopback address, for people. */
export function loopback(family: Family, port: number): string {
  return formatAddress({ hostname: LOOPBACK[family], port });
}

/** What the rule catches, for people. */
export function renderDestination(
  { address: hostname, addressPort: port }: Destination,
): string {
  return formatAddress({ hostname, port });
}

/** The metadata service's own address, as every cloud has it. */
export const DEFAULT_DESTINATION: Destination = {
  family: "ip",
  address: "169.254.169.254",
  addressPort: 80,
};

/** The metadata service's IPv6 address on EC2. */
export const DESTINATION_IPV6: Destination = {
  family: "ip6",
  address: "fd00:ec2::254",
  addressPort: 80,
};
