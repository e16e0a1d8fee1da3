import { assertEquals } from "@std/assert";
import { type NodeView, viewNode } from "../../lib/link/node_view.ts";
import { RouterSource } from "../../lib/link/router_source.ts";
import { createLog } from "../../lib/observe/log.ts";
import type { UpstreamSource } from "../../lib/proxy/upstream_source.ts";
import { layCable } from "../helpers/cable.ts";
import { askAs, startLabels } from "../helpers/labels.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const NEEDS = [
  ...NAMESPACES,
  { command: "dnsmasq", from: "dnsmasq-base" },
  { command: "dhclient", from: "isc-dhcp-client" },
  { command: "curl", from: "curl" },
  { command: "setpriv", from: "util-linux" },
] as const;

const LEASES = "/var/lib/dhcp/dhclient.eth0.leases";

/** A guest of CloudStack, and the network of its virtual router. */
interface Guest {
  /** Takes the network over with an address: DHCP and metadata. */
  route(address: string): Promise<readonly Spawned[]>;
  /** Has the DHCP client ask for a lease. */
  renew(): Promise<void>;
  /** Writes a file as another DHCP client would. */
  write(path: string, text: string): Promise<void>;
  /** Finds the guest's router. */
  readonly source: UpstreamSource;
  /** Asks as the proxy does: where it is said to be, again if it is not. */
  ask(): Promise<string>;
  /** Where files of the guest really stand. */
  readonly root: string;
  /** The guest's namespace. */
  readonly namespace: Namespace;
}

async function createGuest(stack: AsyncDisposableStack): Promise<Guest> {
  const root = await Deno.makeTempDir({ prefix: "c2s-guest-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  const namespace = stack.use(await createNamespace());
  const network = stack.use(await createNamespace());
  await layCable(
    { namespace, device: "eth0", addresses: [] },
    { namespace: network, device: "eth0", addresses: [] },
  );
  await Deno.mkdir(`${root}/var/lib/dhcp`, { recursive: true });
  const source = new RouterSource({
    view: below(root, viewNode(namespace.runner)),
    device: "eth0",
    lookEveryMs: 0,
    pausesMs: [1, 1],
    log: createLog({ level: "error", format: "text", write: () => {} }),
  });
  stack.defer(() => source.close());
  const get = async () => {
    const { hostname, port } = await source.current(5_000);
    const answer = await askAs(namespace, 0, `http://${hostname}:${port}/`);
    if (answer === "late" || answer === "refused") {
      source.failed({ hostname, port });
      return undefined;
    }
    return answer;
  };
  return {
    root,
    namespace,
    source,
    async route(address) {
      await network.must(["ip", "addr", "flush", "dev", "eth0"]);
      await network.must(["ip", "addr", "add", `${address}/24`, "dev", "eth0"]);
      return [
        await startDhcp(network, root, address),
        await startLabels(network, 0, [`${address} ${address} 80`]),
      ];
    },
    renew: () => renew(namespace, root),
    write: async (path, text) => {
      await Deno.mkdir(`${root}${path}`.replace(/\/[^/]*$/, ""), {
        recursive: true,
      });
      await Deno.writeTextFile(`${root}${path}`, text);
    },
    ask: async () => await get() ?? await get() ?? "no answer",
  };
}

/** The guest's files stand below a folder, its /proc and /sys do not. */
function below(root: string, view: NodeView): NodeView {
  return {
    ...view,
    list: (folder) => view.list(`${root}${folder}`),
    stat: (path) => view.stat(`${root}${path}`),
    read: (path) => view.read(`${root}${path}`),
    // The host's resolver must not be asked.
    resolve: () => Promise.resolve(undefined),
  };
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
    ...["--bind-interfaces", "--dhcp-authoritative", "--user=root"],
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
  await namespace.must(["ip", "addr", "flush", "dev", "eth0"]);
  await namespace.must(["ip", "addr", "add", `${address}/24`, "dev", "eth0"]);
}

async function end(spawned: readonly Spawned[]): Promise<void> {
  for (const one of spawned) await one.kill();
}

testWith(
  NEEDS,
  "RouterSource finds the DHCP server in dhclient's lease, and again when it has moved",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    const first = await guest.route("10.78.0.1");
    await guest.renew();
    assertEquals(await guest.source.current(5_000), {
      hostname: "10.78.0.1",
      port: 80,
    });
    assertEquals(await guest.ask(), "10.78.0.1");

    await end(first);
    const second = await guest.route("10.78.0.7");
    // The old lease still names the old router, which is gone.
    assertEquals(await guest.ask(), "no answer");
    await guest.renew();
    assertEquals(await guest.ask(), "10.78.0.7");
    await end(second);
    assertEquals(await guest.ask(), "no answer");
    await guest.route("10.78.0.7");
    assertEquals(await guest.ask(), "10.78.0.7");
  },
);

testWith(
  NEEDS,
  "RouterSource finds systemd-networkd's lease and the default gateway by the guest's own numbers",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    await guest.route("10.78.0.1");
    await guest.renew();
    await Deno.remove(`${guest.root}${LEASES}`);
    await guest.namespace.must([
      "ip",
      "route",
      "add",
      "default",
      "via",
      "10.78.0.1",
    ]);
    assertEquals(await guest.ask(), "10.78.0.1");
    const index = await guest.namespace.must([
      "cat",
      "/sys/class/net/eth0/ifindex",
    ]);
    await guest.write(
      `/run/systemd/netif/leases/${index.trim()}`,
      "# This is private data. Do not parse.\nADDRESS=10.78.0.100\nROUTER=10.78.0.1\nSERVER_ADDRESS=10.78.0.99\n",
    );
    assertEquals((await guest.source.current(5_000)).hostname, "10.78.0.99");
    await guest.write(
      `/run/systemd/netif/leases/${index.trim()}`,
      "# This is private data. Do not parse.\nADDRESS=10.78.0.100\nROUTER=10.78.0.99\nSERVER_ADDRESS=10.78.0.1\n",
    );
    assertEquals(await guest.ask(), "10.78.0.1");
  },
);
