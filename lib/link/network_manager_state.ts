/**
 * What NetworkManager, from 1.40 on, keeps of an interface in
 * `/run/NetworkManager/devices/IFINDEX`: a key file whose section `dhcp4`
 * holds the options of the lease. Its lease files hold the address alone.
 *
 * @module
 */
import { routerAddress } from "./router_address.ts";

/**
 * Reads the DHCP server out of the state of an interface.
 *
 * @param text the file
 */
export function parseNetworkManagerState(text: string): string | undefined {
  let section = "";
  let found: string | undefined;
  for (const line of text.split("\n")) {
    const header = /^\s*\[(.*)\]\s*$/.exec(line);
    if (header !== null) section = header[1] ?? "";
    const [, value] =
      /^\s*(?:dhcp4\.)?dhcp_server_identifier\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (section === "dhcp4" && value !== undefined) found = value;
  }
  return routerAddress(found);
}
