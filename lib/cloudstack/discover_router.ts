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
import { readKernel, type Runner } from "../system/runner.ts";
import { deadline } from "../system/timers.ts";
import {
  findLeaseFiles,
  type Interface,
  type LeaseFile,
  routerAddress,
} from "./leases.ts";

/**
 * How long a host name may take, in milliseconds: a resolver that does not
 * answer takes 5 s for each of its servers, longer than any client waits.
 */
const RESOLVE_MS = 1_000;

/** The node, to look at. */
export interface NodeView {
  /** The folder that stands for /, where DHCP clients keep their files. */
  readonly root: string;
  /** Reads a file of /proc or /sys; empty where it is missing. */
  readKernel(path: string): Promise<string>;
  /** The first IPv4 address of a host name; `undefined` for an unknown one. */
  resolve(name: string): Promise<string | undefined>;
  /** The time, in milliseconds since 1970. */
  now(): number;
}

/**
 * Makes the view of this node.
 *
 * @param run runs `cat`
 */
export function viewNode(run: Runner): NodeView {
  return {
    root: "",
    readKernel: (path) => readKernel(path, run),
    async resolve(name) {
      const { lookup } = await import("node:dns/promises");
      const found = lookup(name, { family: 4 }).catch(() => undefined);
      return (await deadline(found, RESOLVE_MS))?.address;
    },
    now: () => Date.now(),
  };
}

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
  /** Whether leases came, went or were renewed since. */
  leasesChanged(): boolean;
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
    return { router: undefined, reason, leasesChanged: () => false };
  }
  const files = findLeaseFiles(one, view.root);
  const router = inLeases(files, view.now()) ?? await byName(view) ??
    await byRoute(view, device);
  const none = files.length === 0
    ? "no lease is there"
    : "no lease is in force";
  return {
    router,
    reason: router === undefined
      ? `${none}, "${ROUTER_NAME}" is no known name, and there is no default gateway`
      : "",
    // Paths, times and sizes; no contents.
    leasesChanged: () =>
      JSON.stringify(findLeaseFiles(one, view.root)) !== JSON.stringify(files),
  };
}

async function findInterface(
  view: NodeView,
  name: string,
): Promise<Interface | undefined> {
  const text = await view.readKernel(`/sys/class/net/${name}/ifindex`);
  const index = Number(text.trim());
  return index > 0 ? { name, index } : undefined;
}

function inLeases(
  files: readonly LeaseFile[],
  nowMs: number,
): FoundRouter | undefined {
  for (const file of files) {
    const address = file.router(nowMs);
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
  const address = parseDefaultGateway(routes, device);
  return address === undefined
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
