import { assertEquals } from "@std/assert";
import { parseDefaultGateway } from "../../lib/cloudstack/discover_router.ts";
import {
  parseDhclientLeases,
  parseDhcpcdLease,
  parseNetworkdLease,
  parseNetworkManagerState,
  routerAddress,
} from "../../lib/cloudstack/leases.ts";

Deno.test("routerAddress() takes what a router can have", () => {
  for (const text of ["10.1.1.1", "192.168.0.254", "169.254.169.254"]) {
    assertEquals(routerAddress(text), text);
  }
  for (
    const text of [
      undefined,
      "",
      "0.0.0.0",
      "127.0.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "10.1.1",
      "10.1.1.1 ",
      "010.1.1.1",
      "fd00::1",
      "router",
    ]
  ) {
    assertEquals(routerAddress(text), undefined, text);
  }
});

const NETWORKD = `# This is private data. Do not parse.
ADDRESS=10.1.1.24
NETMASK=255.255.255.0
ROUTER=10.1.1.254
SERVER_ADDRESS=10.1.1.1
NEXT_SERVER=10.1.1.2
BROADCAST=10.1.1.255
T1=1580
T2=2930
LIFETIME=3600
DNS=10.1.1.1 10.1.1.2
DOMAINNAME=cs1cloud.internal
HOSTNAME=vm-1
CLIENTID=ff1e617693000200
`;

const NETWORKD_CASES: readonly (readonly [string, string, string?])[] = [
  ["a whole lease", NETWORKD, "10.1.1.1"],
  ["a quoted value", 'SERVER_ADDRESS="10.1.1.1"\n', "10.1.1.1"],
  ["no end of line", "SERVER_ADDRESS=10.1.1.1", "10.1.1.1"],
  ["ends of lines as on Windows", "SERVER_ADDRESS=10.1.1.1\r\n", "10.1.1.1"],
  [
    "the key twice",
    "SERVER_ADDRESS=10.1.1.1\nSERVER_ADDRESS=10.1.1.2\n",
    "10.1.1.2",
  ],
  [
    "NetworkManager's own from 1.22",
    "# This is private data. Do not parse.\nADDRESS=10.1.1.24\n",
  ],
  ["a comment", "#SERVER_ADDRESS=10.1.1.1\n"],
  ["another key", "NEXT_SERVER_ADDRESS=10.1.1.1\n"],
  ["no address", "SERVER_ADDRESS=\n"],
  ["nonsense", "SERVER_ADDRESS=router.example\n"],
  ["nothing", ""],
];

for (const [what, text, expected] of NETWORKD_CASES) {
  Deno.test(`parseNetworkdLease() reads ${what}`, () => {
    assertEquals(parseNetworkdLease(text), expected);
  });
}

const NETWORK_MANAGER_CASES: readonly (readonly [string, string, string?])[] = [
  [
    "a whole state",
    `[device]
managed=true
connection-uuid=a2f0aec3-95b4-4f8c-8a5e-4d1b0f3b7f5e
nm-owned=false
route-metric-default-aspired=100
next-server=10.1.1.2

[dhcp4]
dhcp4.broadcast_address=10.1.1.255
dhcp4.dhcp_client_identifier=01:02:fc:00:00:00:01
dhcp4.dhcp_lease_time=3600
dhcp4.dhcp_server_identifier=10.1.1.1
dhcp4.expiry=1795219199
dhcp4.ip_address=10.1.1.24
dhcp4.routers=10.1.1.254
dhcp4.subnet_mask=255.255.255.0
`,
    "10.1.1.1",
  ],
  [
    "keys without a prefix",
    "[dhcp4]\ndhcp_server_identifier = 10.1.1.1\n",
    "10.1.1.1",
  ],
  ["a state before 1.40", "[device]\nmanaged=true\nnext-server=10.1.1.2\n"],
  [
    "the key in another section",
    "[dhcp4]\n[dhcp6]\ndhcp4.dhcp_server_identifier=10.1.1.1\n",
  ],
  ["nothing", ""],
];

for (const [what, text, expected] of NETWORK_MANAGER_CASES) {
  Deno.test(`parseNetworkManagerState() reads ${what}`, () => {
    assertEquals(parseNetworkManagerState(text), expected);
  });
}

function lease(
  server: string,
  { device = "eth0", expire = "expire 5 2026/11/20 12:10:00;" } = {},
): string {
  return `lease {
  interface "${device}";
  fixed-address 10.1.1.24;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 1200;
  option routers 10.1.1.254;
  option dhcp-message-type 5;
  option domain-name-servers 10.1.1.1,10.1.1.2;
  option dhcp-server-identifier ${server};
  option domain-name "a } b; c.internal";
  renew 5 2026/11/20 12:00:00;
  rebind 5 2026/11/20 12:07:30;
  ${expire}
}
`;
}

const IPV6 = `default-duid "\\000\\001\\000\\001,\\003";
lease6 {
  interface "eth0";
  ia-na 00:00:00:01 {
    starts 1795176000;
    iaaddr fd00::24 {
      starts 1795176000;
    }
  }
  option dhcp6.server-id 0:1:0:1;
}
`;

const DHCLIENT_CASES: readonly (readonly [string, string, string?])[] = [
  ["one lease", lease("10.1.1.1"), "10.1.1.1"],
  ["the last of several", lease("10.1.1.1") + lease("10.1.1.2"), "10.1.1.2"],
  [
    "the last of its interface",
    lease("10.1.1.1") + lease("10.9.9.9", { device: "eth1" }),
    "10.1.1.1",
  ],
  ["another interface alone", lease("10.9.9.9", { device: "eth00" })],
  ["IPv6 before", IPV6 + lease("10.1.1.1"), "10.1.1.1"],
  ["IPv6 alone", IPV6],
  [
    "one that has expired",
    lease("10.1.1.1", {
      expire: "expire 5 2026/11/20 11:59:59;",
    }),
  ],
  [
    "an expired one after one in force",
    lease("10.1.1.1") +
    lease("10.1.1.2", { expire: "expire 5 2026/11/20 11:59:59;" }),
  ],
  [
    "one in force after an expired one",
    lease("10.1.1.1", { expire: "expire 1 2025/01/06 00:00:00;" }) +
    lease("10.1.1.2"),
    "10.1.1.2",
  ],
  [
    "an epoch",
    lease("10.1.1.1", {
      expire: "expire epoch 1795176001; # Fri Nov 20 12:00:01 2026",
    }),
    "10.1.1.1",
  ],
  [
    "an epoch in the past",
    lease("10.1.1.1", { expire: "expire epoch 1795176000;" }),
  ],
  ["never", lease("10.1.1.1", { expire: "expire never;" }), "10.1.1.1"],
  ["no expiry", lease("10.1.1.1", { expire: "" }), "10.1.1.1"],
  [
    "one half written after a whole one",
    `${lease("10.1.1.1")}lease {\n  interface "eth0";\n  option dhcp-server-id`,
    "10.1.1.1",
  ],
  ["no server", lease("0.0.0.0")],
  ["nothing", ""],
];

for (const [what, text, expected] of DHCLIENT_CASES) {
  Deno.test(`parseDhclientLeases() reads ${what}`, () => {
    const now = Date.UTC(2026, 10, 20, 12);
    assertEquals(parseDhclientLeases(text, "eth0", now), expected);
  });
}

/** A message of a server with some options. */
function message(...options: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(240 + options.length);
  bytes.set([99, 130, 83, 99], 236);
  bytes.set(options, 240);
  return bytes;
}

const SERVER = [54, 4, 10, 1, 1, 1];
const TWO_MINUTES = [51, 4, 0, 0, 0, 120];

const DHCPCD_CASES: readonly (readonly [string, Uint8Array, string?])[] = [
  ["a message", message(53, 1, 5, ...SERVER, ...TWO_MINUTES, 255), "10.1.1.1"],
  ["padding between", message(0, 0, ...TWO_MINUTES, 0, ...SERVER), "10.1.1.1"],
  ["no time at all", message(...SERVER, 255), "10.1.1.1"],
  ["a lease of a minute", message(51, 4, 0, 0, 0, 60, ...SERVER, 255)],
  ["for ever", message(51, 4, 255, 255, 255, 255, ...SERVER, 255), "10.1.1.1"],
  ["an end before", message(...TWO_MINUTES, 255, ...SERVER)],
  ["an option cut off", message(...TWO_MINUTES, 54, 4, 10, 1)],
  ["a server of a wrong length", message(54, 5, 10, 1, 1, 1, 1, 255)],
  ["another file", new TextEncoder().encode(NETWORKD)],
  ["nothing", new Uint8Array()],
];

for (const [what, bytes, expected] of DHCPCD_CASES) {
  Deno.test(`parseDhcpcdLease() reads ${what}`, () => {
    assertEquals(parseDhcpcdLease(bytes, 5_000, 5_000 + 60_000), expected);
  });
}

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
  assertEquals(parseDefaultGateway(ROUTES, "eth0"), "10.1.1.1");
  assertEquals(parseDefaultGateway(ROUTES, "eth1"), "10.2.1.1");
});

Deno.test("parseDefaultGateway() finds none where there is none", () => {
  for (const device of ["tun0", "eth2", "eth", "lo"]) {
    assertEquals(parseDefaultGateway(ROUTES, device), undefined, device);
  }
  assertEquals(parseDefaultGateway("", "eth0"), undefined);
});
