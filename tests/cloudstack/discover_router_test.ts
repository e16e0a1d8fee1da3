import { assertEquals } from "@std/assert";
import {
  discoverRouter,
  parseDefaultGateway,
} from "../../lib/cloudstack/discover_router.ts";
import { createFakeNode, dhclientLease, GATEWAY_9 } from "./fake_node.ts";

const UUID = "a2f0aec3-95b4-4f8c-8a5e-4d1b0f3b7f5e";
const DHCLIENT = "/var/lib/dhcp/dhclient.eth0.leases";

/** One file of each client, the most believable first. */
const LEASES = [
  ["/run/systemd/netif/leases/2", "SERVER_ADDRESS=10.1.1.1\n"],
  [
    "/run/NetworkManager/devices/2",
    "[dhcp4]\ndhcp4.dhcp_server_identifier=10.1.1.2\n",
  ],
  [
    `/var/lib/NetworkManager/internal-${UUID}-eth0.lease`,
    "SERVER_ADDRESS=10.1.1.3\n",
  ],
  [DHCLIENT, dhclientLease("10.1.1.4")],
] as const;

Deno.test("discoverRouter() believes leases first, then the name, then the route", async () => {
  using node = createFakeNode();
  for (const [path, content] of LEASES) node.write(path, content);
  node.names.set("data-server", "10.1.1.8");
  node.kernel.set("/proc/net/route", GATEWAY_9);
  const found = async () => (await discoverRouter(node.view, "eth0")).router;
  for (const [i, [path]] of LEASES.entries()) {
    assertEquals(await found(), { address: `10.1.1.${i + 1}`, from: path });
    assertEquals(node.asked.includes("data-server"), false);
    node.remove(path);
  }
  const byName = { address: "10.1.1.8", from: 'the name "data-server"' };
  assertEquals(await found(), byName);
  node.names.clear();
  const byRoute = { address: "10.1.1.9", from: "the default gateway" };
  assertEquals(await found(), byRoute);
  node.kernel.delete("/proc/net/route");
  assertEquals(await found(), undefined);
});

Deno.test("discoverRouter() takes the newest of dhclient's files that has a lease in force", async () => {
  using node = createFakeNode();
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
});

Deno.test("discoverRouter() reads no other interface's files, nothing that is empty, large or no file", async () => {
  using node = createFakeNode();
  for (
    const path of [
      "/run/systemd/netif/leases/22",
      "/run/systemd/netif/leases/.#2",
      `/var/lib/NetworkManager/internal-${UUID}-eth00.lease`,
      `/var/lib/NetworkManager/internal-${UUID}-x-eth0.lease`,
      `/var/lib/NetworkManager/internal-${UUID}-eth0.lease.tmp`,
    ]
  ) node.write(path, "SERVER_ADDRESS=10.9.9.9\n");
  node.write("/var/lib/dhcp/dhclient6.eth0.leases", dhclientLease("10.9.9.9"));
  node.write("/var/lib/dhcp/dhclient.leases~", dhclientLease("10.9.9.9"));
  const reason = async () => (await discoverRouter(node.view, "eth0")).reason;
  const others =
    '"data-server" is no known name, and there is no default gateway';
  assertEquals(await reason(), `no lease is there, ${others}`);

  node.write("/run/NetworkManager/devices/2", "");
  const large = `/var/lib/NetworkManager/internal-${UUID}-eth0.lease`;
  node.write(large, "SERVER_ADDRESS=10.9.9.9\n");
  Deno.truncateSync(node.view.root + large, 3e9);
  const fifo = `${node.view.root}/run/systemd/netif/leases/2`;
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  node.write(DHCLIENT, dhclientLease("10.1.1.4", "11:00:00"));
  assertEquals(await reason(), `no lease is in force, ${others}`);
  const { reason: none } = await discoverRouter(node.view, "eth9");
  assertEquals(none, "no such interface");
});

Deno.test("leasesChanged() notices files that come, go or are written, and starts no program", async () => {
  using node = createFakeNode();
  for (
    const change of [
      () => node.write(DHCLIENT, dhclientLease("10.1.1.4")),
      () => node.write(DHCLIENT, dhclientLease("10.1.1.5")),
      () => node.remove(DHCLIENT),
    ]
  ) {
    const { leasesChanged } = await discoverRouter(node.view, "eth0");
    node.asked.length = 0;
    assertEquals(leasesChanged(), false);
    change();
    assertEquals(leasesChanged(), true);
    assertEquals(node.asked, []);
  }
});

const ROUTES =
  `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT       
eth0\t00000000\tFE01010A\t0003\t0\t0\t200\t00000000\t0\t0\t0       
eth0\t00000000\t0101010A\t0003\t0\t0\t100\t00000000\t0\t0\t0       
eth1\t00000000\t0101020A\t0003\t0\t0\t50\t00000000\t0\t0\t0        
eth0\t0000000A\t0901010A\t0003\t0\t0\t0\t000000FF\t0\t0\t0         
eth0\t0001010A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0       
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0         
eth2\t00000000\t0101030A\t0202\t0\t0\t0\t00000000\t0\t0\t0         
`;

Deno.test("parseDefaultGateway() takes the preferred one of the interface", () => {
  for (
    const [device, address] of [
      ["eth0", "10.1.1.1"],
      ["eth1", "10.2.1.1"],
      ["tun0", undefined],
      ["eth2", undefined],
      ["eth", undefined],
    ] as const
  ) assertEquals(parseDefaultGateway(ROUTES, device), address, device);
});
