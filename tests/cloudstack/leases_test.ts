import { assertEquals } from "@std/assert";
import {
  parseDhclientLeases,
  parseSettings,
  routerAddress,
} from "../../lib/cloudstack/leases.ts";

/** What a reader makes of a file: an address, or nothing. */
type Case = readonly [what: string, file: string, found?: string];

function testReader(
  read: (file: string) => string | undefined,
  cases: readonly Case[],
): void {
  for (const [what, file, found] of cases) {
    assertEquals(read(file), found, what);
  }
}

Deno.test("routerAddress() takes what a router can have", () => {
  for (const text of ["10.1.1.1", "192.168.0.254", "169.254.169.254"]) {
    assertEquals(routerAddress(text), text);
  }
  const others = "0.0.0.0 127.0.0.1 224.0.0.1 10.1.1 010.1.1.1 fd00::1 router";
  for (const text of [undefined, "", "10.1.1.1 ", ...others.split(" ")]) {
    assertEquals(routerAddress(text), undefined, text);
  }
});

const NETWORKD = `# This is private data. Do not parse.
ADDRESS=10.1.1.24
ROUTER=10.1.1.254
SERVER_ADDRESS=10.1.1.1
NEXT_SERVER=10.1.1.2
LIFETIME=3600
DNS=10.1.1.1 10.1.1.2
CLIENTID=ff1e617693000200
`;

const NETWORK_MANAGER = `[device]
managed=true
next-server=10.1.1.2

[dhcp4]
dhcp4.broadcast_address=10.1.1.255
dhcp4.dhcp_server_identifier=10.1.1.1
dhcp4.routers=10.1.1.254
`;

Deno.test("parseSettings() reads the server's address as networkd and NetworkManager write it", () => {
  testReader(parseSettings, [
    ["a whole lease", NETWORKD, "10.1.1.1"],
    ["a quoted value", 'SERVER_ADDRESS="10.1.1.1"\n', "10.1.1.1"],
    ["no end of line", "SERVER_ADDRESS=10.1.1.1", "10.1.1.1"],
    ["the name twice", `${NETWORKD}SERVER_ADDRESS=10.1.1.3\n`, "10.1.1.3"],
    ["NetworkManager's own from 1.22", "ADDRESS=10.1.1.24\n"],
    ["a comment", "#SERVER_ADDRESS=10.1.1.1\n"],
    ["another name", "NEXT_SERVER_ADDRESS=10.1.1.1\n"],
    ["nonsense", "SERVER_ADDRESS=router.example\n"],
    ["nothing", ""],
    ["a whole state", NETWORK_MANAGER, "10.1.1.1"],
    ["no prefix", "[dhcp4]\ndhcp_server_identifier = 10.1.1.1\n", "10.1.1.1"],
    ["a state before 1.40", "[device]\nmanaged=true\nnext-server=10.1.1.2\n"],
  ]);
});

function lease(
  server: string,
  { device = "eth0", expire = "expire 5 2026/11/20 12:10:00;" } = {},
): string {
  return `lease {
  interface "${device}";
  fixed-address 10.1.1.24;
  option routers 10.1.1.254;
  option dhcp-server-identifier ${server};
  option domain-name "a } b; c.internal";
  renew 5 2026/11/20 12:00:00;
  ${expire}
}
`;
}

const IPV6 = `default-duid "\\000\\001\\000\\001,\\003";
lease6 {
  interface "eth0";
  ia-na 00:00:00:01 {
    iaaddr fd00::24 {
      starts 1795176000;
    }
  }
  option dhcp6.server-id 0:1:0:1;
}
`;

Deno.test("parseDhclientLeases() reads the interface's last lease unless it has expired", () => {
  const now = Date.UTC(2026, 10, 20, 12);
  const one = lease("10.1.1.1");
  const until = (expire: string) => lease("10.1.1.2", { expire });
  const expired = until("expire 5 2026/11/20 11:59:59;");
  testReader((text) => parseDhclientLeases(text, "eth0", now), [
    ["one lease", one, "10.1.1.1"],
    ["the last of several", one + lease("10.1.1.2"), "10.1.1.2"],
    [
      "the last of its interface",
      one + lease("10.9.9.9", { device: "eth1" }),
      "10.1.1.1",
    ],
    ["another interface alone", lease("10.9.9.9", { device: "eth00" })],
    ["IPv6 before", IPV6 + one, "10.1.1.1"],
    ["IPv6 alone", IPV6],
    ["an expired one", expired],
    ["an expired one after one in force", one + expired],
    ["one in force after an expired one", expired + one, "10.1.1.1"],
    [
      "an epoch",
      until("expire epoch 1795176001; # Fri Nov 20 12:00:01 2026"),
      "10.1.1.2",
    ],
    ["an epoch in the past", until("expire epoch 1795176000;")],
    ["never", until("expire never;"), "10.1.1.2"],
    ["no expiry", until(""), "10.1.1.2"],
    [
      "one half written after a whole one",
      `${one}lease {\n  interface "eth0";\n  option dhcp-server-id`,
      "10.1.1.1",
    ],
    ["no server", lease("0.0.0.0")],
  ]);
});
