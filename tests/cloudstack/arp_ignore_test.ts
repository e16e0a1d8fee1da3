import { assertEquals } from "@std/assert";
import {
  answering,
  parseArpInterfaces,
} from "../../lib/cloudstack/arp_ignore.ts";

Deno.test("answering() names the interfaces that would answer neighbours", () => {
  for (
    const [all, eth0, scope, answers] of [
      [0, 0, "host", true],
      [1, 0, "host", false],
      [0, 1, "host", false],
      [2, 0, "host", false],
      [0, 8, "host", false],
      [3, 0, "host", false],
      [3, 0, "global", true],
      [1, 3, "global", true],
      [1, 4, "host", true],
      [7, 1, "host", true],
      [4, 8, "host", false],
    ] as const
  ) {
    assertEquals(
      answering({ all, own: new Map([["eth0", eth0]]) }, scope),
      answers ? ["eth0"] : [],
      `all ${all}, eth0 ${eth0}, scope ${scope}`,
    );
  }
  const own = new Map([["eth0", 0], ["eth1", 1], ["eth2", 0]]);
  assertEquals(answering({ all: 0, own }, "host"), ["eth0", "eth2"]);
  assertEquals(answering({ all: 0, own: new Map() }, "host"), []);
});

Deno.test("parseArpInterfaces() leaves out loopback and interfaces without ARP", () => {
  const listed =
    `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: ifb0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 32\\    link/ether de:36:31:8b:25:8e brd ff:ff:ff:ff:ff:ff
5: eth0.100@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 02:fc:00:00:00:01 brd ff:ff:ff:ff:ff:ff
7: veth0@if6: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\\    link/ether 02:fc:00:00:00:02 brd ff:ff:ff:ff:ff:ff link-netns c2s
`;
  assertEquals(parseArpInterfaces(listed), ["eth0.100", "veth0"]);
});
