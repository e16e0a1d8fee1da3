import { assertEquals } from "@std/assert";
import {
  discoverRouter,
  leasesChanged,
} from "../../lib/cloudstack/discover_router.ts";
import { createFakeNode, dhclientLease, GATEWAY_9 } from "./fake_node.ts";

const NETWORKD = "/run/systemd/netif/leases/2";
const STATE = "/run/NetworkManager/devices/2";
const UUID = "a2f0aec3-95b4-4f8c-8a5e-4d1b0f3b7f5e";
const INTERNAL = `/var/lib/NetworkManager/internal-${UUID}-eth0.lease`;
const DHCLIENT = "/var/lib/dhcp/dhclient.eth0.leases";
const DHCPCD = "/var/lib/dhcpcd/eth0.lease";

Deno.test("discoverRouter() believes leases first, then the name, then the route", async () => {
  const node = createFakeNode();
  node.write(NETWORKD, "SERVER_ADDRESS=10.1.1.1\n");
  node.write(STATE, "[dhcp4]\ndhcp4.dhcp_server_identifier=10.1.1.2\n");
  node.write(INTERNAL, "SERVER_ADDRESS=10.1.1.3\n");
  node.write(DHCLIENT, dhclientLease("10.1.1.4"));
  node.names.set("data-server", "10.1.1.8");
  node.kernel.set("/proc/net/route", GATEWAY_9);
  const found = async () =>
    (await discoverRouter(node.view, "eth0")).router ?? "none";
  for (
    const [address, path] of [
      ["10.1.1.1", NETWORKD],
      ["10.1.1.2", STATE],
      ["10.1.1.3", INTERNAL],
      ["10.1.1.4", DHCLIENT],
    ] as const
  ) {
    assertEquals(await found(), { address, from: path });
    assertEquals(node.asked.includes("data-server"), false);
    node.files.delete(path);
  }
  assertEquals(await found(), {
    address: "10.1.1.8",
    from: 'the name "data-server"',
  });
  node.names.clear();
  assertEquals(await found(), {
    address: "10.1.1.9",
    from: "the default gateway",
  });
  node.kernel.delete("/proc/net/route");
  assertEquals(await found(), "none");
});

Deno.test("discoverRouter() takes the newest of dhclient's files that has a lease in force", async () => {
  const node = createFakeNode();
  const router = async () =>
    (await discoverRouter(node.view, "eth0")).router?.from;
  const old = "/var/lib/dhcp/dhclient.leases";
  const rhel = "/var/lib/dhclient/dhclient--eth0.lease";
  const manager = `/var/lib/NetworkManager/dhclient-${UUID}-eth0.lease`;
  node.write(old, dhclientLease("10.1.1.1"));
  node.write(rhel, dhclientLease("10.1.1.2"));
  node.write(manager, dhclientLease("10.1.1.3", "11:00:00"));
  assertEquals(await router(), rhel);
  node.write(old, dhclientLease("10.1.1.1"));
  assertEquals(await router(), old);
  node.write(manager, dhclientLease("10.1.1.3"));
  assertEquals(await router(), manager);
});

Deno.test("discoverRouter() leaves other interfaces' files and other files alone", async () => {
  const node = createFakeNode();
  for (
    const path of [
      "/run/systemd/netif/leases/22",
      "/run/systemd/netif/leases/.#2",
      `/var/lib/NetworkManager/internal-${UUID}-eth00.lease`,
      `/var/lib/NetworkManager/internal-${UUID}-x-eth0.lease`,
      `/var/lib/NetworkManager/internal-${UUID}-eth0.lease.tmp`,
      "/var/lib/dhcpcd/eth1.lease",
    ]
  ) {
    node.write(path, "SERVER_ADDRESS=10.9.9.9\n");
  }
  node.write("/var/lib/dhcp/dhclient6.eth0.leases", dhclientLease("10.9.9.9"));
  node.write("/var/lib/dhcp/dhclient.leases~", dhclientLease("10.9.9.9"));
  assertEquals(await discoverRouter(node.view, "eth0"), {
    router: undefined,
    reason:
      'no lease is there, "data-server" is no known name, and there is no default gateway',
    interface: { name: "eth0", index: 2 },
    leases: "",
  });
});

Deno.test("discoverRouter() reads the message that dhcpcd keeps", async () => {
  const node = createFakeNode();
  node.write(DHCPCD, "");
  const bytes = new Uint8Array(246);
  bytes.set([99, 130, 83, 99, 54, 4, 10, 1, 1, 5], 236);
  const view = { ...node.view, read: () => Promise.resolve(bytes) };
  assertEquals((await discoverRouter(view, "eth0")).router, {
    address: "10.1.1.5",
    from: DHCPCD,
  });
});

Deno.test("discoverRouter() says why there is none", async () => {
  const node = createFakeNode();
  node.write(DHCLIENT, dhclientLease("10.1.1.4", "11:00:00"));
  assertEquals(
    (await discoverRouter(node.view, "eth0")).reason,
    'no lease is in force, "data-server" is no known name, and there is no default gateway',
  );
  assertEquals(
    (await discoverRouter(node.view, "eth9")).reason,
    "no such interface",
  );
});

Deno.test("leasesChanged() notices files that come, go or are written", async () => {
  const node = createFakeNode();
  let since = await discoverRouter(node.view, "eth0");
  const changed = () => leasesChanged(node.view, since);
  assertEquals(await changed(), false);
  node.write(DHCLIENT, dhclientLease("10.1.1.4"));
  assertEquals(await changed(), true);
  since = await discoverRouter(node.view, "eth0");
  node.asked.length = 0;
  assertEquals(await changed(), false);
  // It looks at no contents and starts no program.
  assertEquals(node.asked, []);
  node.write(DHCLIENT, dhclientLease("10.1.1.5"));
  assertEquals(await changed(), true);
  since = await discoverRouter(node.view, "eth0");
  node.files.delete(DHCLIENT);
  assertEquals(await changed(), true);
});
