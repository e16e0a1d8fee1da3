/**
 * The node's IPv4 routes, as the kernel lists them.
 *
 * @module
 */
import { routerAddress } from "./router_address.ts";

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const UP_BY_GATEWAY = 0x1 | 0x2;

/**
 * Finds the default gateway of an interface, the preferred one of several.
 *
 * @param text the contents of /proc/net/route
 * @param device the interface
 */
export function parseDefaultGateway(
  text: string,
  device: string,
): string | undefined {
  const gateways = text.split("\n").flatMap((line) => {
    const [name, to, by = "", flags = "", , , metric, mask] = line.split("\t")
      .map((field) => field.trim());
    const isDefault = name === device && to === "00000000" &&
      mask === "00000000" &&
      (parseInt(flags, 16) & UP_BY_GATEWAY) === UP_BY_GATEWAY;
    return isDefault ? [{ by, metric: Number(metric) }] : [];
  });
  const [best] = gateways.toSorted((one, other) => one.metric - other.metric);
  // In the machine's byte order: little.
  const bytes = best?.by.match(/../g)?.reverse()
    .map((byte) => parseInt(byte, 16));
  return routerAddress(bytes?.join("."));
}
