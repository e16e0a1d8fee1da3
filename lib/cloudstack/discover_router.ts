/**
 * Finds CloudStack's virtual router: the DHCP server of an interface, out of
 * what the node's DHCP client has written down. Nothing is sent but a question
 * to the resolver.
 *
 * The order is that of cloud-init's DataSourceCloudStack, but for the name,
 * which any name server might answer: it comes after the leases.
 *
 * @module
 */
import {
  findLeaseFiles,
  fingerprint,
  type Interface,
  type LeaseFile,
} from "./lease_files.ts";
import { routerAddress } from "./leases.ts";
import type { NodeView } from "./node_view.ts";

/** What CloudStack's own name server calls the router. */
const ROUTER_NAME = "data-server";

/** What was found. */
export interface FoundRouter {
  /** Its IPv4 address. */
  readonly address: string;
  /** What told it, for people: a path, or `the default gateway`. */
  readonly from: string;
}

/** How a search ended. */
export interface Discovery {
  /** The router, if any. */
  readonly router: FoundRouter | undefined;
  /** Why there is none, for people; empty where there is one. */
  readonly reason: string;
  /** The interface; `undefined` where there is none of that name. */
  readonly interface: Interface | undefined;
  /** The lease files there were, in one line each. */
  readonly leases: string;
}

/**
 * Looks for the virtual router once.
 *
 * @param view the node
 * @param device the interface whose DHCP server it is
 */
export async function discoverRouter(
  view: NodeView,
  device: string,
): Promise<Discovery> {
  const one = await findInterface(view, device);
  if (one === undefined) {
    const reason = "no such interface";
    return { router: undefined, reason, interface: one, leases: "" };
  }
  const files = await findLeaseFiles(view, one);
  const router = await inLeases(view, files) ?? await byName(view) ??
    await byRoute(view, device);
  return {
    router,
    reason: router === undefined
      ? `${
        files.length === 0 ? "no lease is there" : "no lease is in force"
      }, "${ROUTER_NAME}" is no known name, and there is no default gateway`
      : "",
    interface: one,
    leases: fingerprint(files),
  };
}

/**
 * Whether leases came, went or were renewed since a search.
 *
 * @param since what that search ended with
 */
export async function leasesChanged(
  view: NodeView,
  { interface: one, leases }: Discovery,
): Promise<boolean> {
  const files = one === undefined ? [] : await findLeaseFiles(view, one);
  return fingerprint(files) !== leases;
}

async function findInterface(
  view: NodeView,
  name: string,
): Promise<Interface | undefined> {
  const text = await view.readKernel(`/sys/class/net/${name}/ifindex`);
  const index = Number(text?.trim());
  return index > 0 ? { name, index } : undefined;
}

async function inLeases(
  view: NodeView,
  files: readonly LeaseFile[],
): Promise<FoundRouter | undefined> {
  for (const file of files) {
    const bytes = await view.read(file.path);
    const address = bytes && file.parse(bytes, view.now());
    if (address !== undefined) return { address, from: file.path };
  }
  return undefined;
}

async function byName(view: NodeView): Promise<FoundRouter | undefined> {
  const address = routerAddress(await view.resolve(ROUTER_NAME));
  return address === undefined
    ? undefined
    : { address, from: `the name "${ROUTER_NAME}"` };
}

async function byRoute(
  view: NodeView,
  device: string,
): Promise<FoundRouter | undefined> {
  const routes = await view.readKernel("/proc/net/route");
  const address = routes && parseDefaultGateway(routes, device);
  return address === undefined || address === ""
    ? undefined
    : { address, from: "the default gateway" };
}

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
