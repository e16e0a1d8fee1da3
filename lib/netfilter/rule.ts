/**
 * The rule as a value: what is redirected where, and who is exempt.
 *
 * @module
 */

/** The address families, as nftables calls them. */
export type Family = "ip" | "ip6";

/** The families in the order they are installed: the likelier to fail first. */
export const FAMILIES: readonly Family[] = ["ip6", "ip"];

/** The ways to put rules into the kernel; `nftables` is native nft. */
export type Backend = "nft" | "legacy" | "nftables";

/** Every backend. */
export const BACKENDS: readonly Backend[] = ["nft", "legacy", "nftables"];

/** A backend, or the one that this machine uses. */
export type BackendChoice = Backend | "auto";

/** What the rule catches. */
export interface Destination {
  /** The address's family. */
  readonly family: Family;
  /** The metadata service's address. */
  readonly address: string;
  /** The metadata service's port. */
  readonly addressPort: number;
}

/** What the proxy's rule does in one address family. */
export interface Rule extends Destination {
  /** The proxy's port on the loopback address. */
  readonly port: number;
  /** The proxy's user, as the host counts; its traffic goes direct. */
  readonly uid: number;
}

/** The chain of our own. */
export const CHAIN = "C2S-IMDS";

/** The comment on every rule of ours. */
export const COMMENT = "c2s-imds";

/** The table of our own in native nft. */
export const NATIVE_TABLE = "c2s-imds";

/**
 * The port the rule points to while there is no proxy: closed, so a client is
 * refused at once, and below 1024, so no ordinary user can open it.
 */
export const BLOCKED_PORT = 1;

/** Where the rule sends traffic, for people. */
export function loopback(rule: Pick<Rule, "family" | "port">): string {
  return rule.family === "ip" ? `127.0.0.1:${rule.port}` : `[::1]:${rule.port}`;
}

/** What the rule catches, for people. */
export function renderDestination(to: Destination): string {
  return to.family === "ip"
    ? `${to.address}:${to.addressPort}`
    : `[${to.address}]:${to.addressPort}`;
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
