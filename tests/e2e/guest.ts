/**
 * A guest of CloudStack in a namespace, and the network of its virtual router
 * in another: a real DHCP server, and real leases of dhclient.
 *
 * @module
 */
import { layCable } from "../helpers/cable.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import { NAMESPACES, type Need } from "../helpers/requires.ts";

/** What a test with a guest needs. */
export const GUEST_NEEDS: readonly Need[] = [
  ...NAMESPACES,
  { command: "dnsmasq", from: "dnsmasq-base" },
  { command: "dhclient", from: "isc-dhcp-client" },
  { command: "curl", from: "curl" },
  { command: "setpriv", from: "util-linux" },
];

/** Where dhclient writes, as the guest sees it. */
const LEASES = "/var/lib/dhcp/dhclient.eth0.leases";

/** A guest. */
export class Guest {
  /** {@linkcode createGuest} makes them. */
  constructor(
    /** Its namespace; its interface is eth0. */
    readonly namespace: Namespace,
    /** The namespace of the router, where it serves metadata, too. */
    readonly network: Namespace,
    /** The folder that stands for the guest's root. */
    readonly root: string,
  ) {}

  /**
   * What starts a command so that it sees the guest's leases where they are
   * looked for, its interfaces in /sys, and nothing of this machine.
   */
  get within(): readonly string[] {
    const mounts = `mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys
mount --bind "${this.root}/var/lib" /var/lib`;
    return ["unshare", "--mount", "sh", "-ec", `${mounts}\nexec "$@"`, "sh"];
  }

  /** Gives the router an address, and has it serve DHCP there. */
  async route(address: string): Promise<Spawned> {
    await setAddress(this.network, address);
    return await startDhcp(this.network, this.root, address);
  }

  /** Has the DHCP client ask for a lease. */
  renew(): Promise<void> {
    return renew(this.namespace, this.root);
  }

  /** Writes a file as another DHCP client would. */
  async write(path: string, text: string): Promise<void> {
    const file = `${this.root}${path}`;
    await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
}

/** Gives eth0 an address and no other. */
async function setAddress(namespace: Namespace, address: string) {
  await namespace.must(["ip", "addr", "flush", "dev", "eth0"]);
  await namespace.must(["ip", "addr", "add", `${address}/24`, "dev", "eth0"]);
}

/**
 * Makes a guest without an address.
 *
 * @param stack takes it away again
 */
export async function createGuest(
  stack: AsyncDisposableStack,
): Promise<Guest> {
  const root = await Deno.makeTempDir({ prefix: "c2s-guest-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  const namespace = stack.use(await createNamespace());
  const network = stack.use(await createNamespace());
  await layCable(
    { namespace, device: "eth0", addresses: [] },
    { namespace: network, device: "eth0", addresses: [] },
  );
  await Deno.mkdir(`${root}/var/lib/dhcp`, { recursive: true });
  return new Guest(namespace, network, root);
}

/** CloudStack's virtual router runs dnsmasq too. */
async function startDhcp(
  network: Namespace,
  root: string,
  address: string,
): Promise<Spawned> {
  const net = address.replace(/\d+$/, "");
  const spawned = network.spawn([
    ...["sh", "-c", `exec "$@" 2>&1`, "sh", "dnsmasq", "--no-daemon"],
    ...["--conf-file=/dev/null", "--port=0", "--interface=eth0"],
    ...["--bind-interfaces", "--dhcp-authoritative", "--no-ping"],
    "--user=root",
    `--pid-file=`,
    `--dhcp-range=${net}100,${net}110,120`,
    `--dhcp-leasefile=${root}/dnsmasq.leases`,
  ]);
  await spawned.shows(/sockets bound exclusively/);
  return spawned;
}

/** One lease, appended to the file; no script changes the guest's resolver. */
async function renew(namespace: Namespace, root: string): Promise<void> {
  const client = namespace.spawn([
    ...["sh", "-c", `exec "$@" 2>&1`, "sh", "dhclient", "-4", "-d"],
    ...["-sf", "/bin/true", "-pf", `${root}/dhclient.pid`],
    ...["-lf", `${root}${LEASES}`, "eth0"],
  ]);
  await client.shows(/^bound to /m);
  await client.kill();
  const [, address = ""] = /^bound to ([\d.]+)/m.exec(client.stdout()) ?? [];
  // What dhclient's script would have done.
  await setAddress(namespace, address);
}
