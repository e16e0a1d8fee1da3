/**
 * The lease of systemd-networkd: `/run/systemd/netif/leases/IFINDEX`, which
 * NetworkManager wrote in that form too, before 1.22.
 *
 * The file calls itself private; cloud-init has relied on it since 2017, and
 * dhcp_lease_save() in systemd's sd-dhcp-lease.c still writes this key.
 *
 * @module
 */
import { routerAddress } from "./router_address.ts";

/**
 * Reads the DHCP server out of a lease.
 *
 * @param text the file
 */
export function parseNetworkdLease(text: string): string | undefined {
  const values = [...text.matchAll(/^SERVER_ADDRESS="?([^"\s]*)"?\s*$/gm)];
  return routerAddress(values.at(-1)?.[1]);
}
