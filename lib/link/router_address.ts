/**
 * The address of a virtual router, as somebody told it.
 *
 * @module
 */
import { isIPv4 } from "../config/address.ts";

/**
 * Takes an address if a router can have it: IPv4, for CloudStack serves
 * metadata over nothing else, and neither this host, nor all hosts, nor none.
 *
 * @param text what stands where an address should
 */
export function routerAddress(text: string | undefined): string | undefined {
  if (text === undefined || !isIPv4(text)) return undefined;
  const first = Number(text.split(".")[0]);
  return first === 0 || first === 127 || first >= 224 ? undefined : text;
}
