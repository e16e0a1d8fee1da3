import { assertEquals } from "@std/assert";
import { parseAddresses, parseLinks } from "../../lib/link/ip_output.ts";

Deno.test("parseAddresses() reads device, address, label and scope", () => {
  const listed =
    `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet 169.254.169.254/32 scope host lo:c2s-arp\\       valid_lft forever preferred_lft forever
2: eth0    inet 10.1.1.24/24 brd 10.1.1.255 scope global dynamic noprefixroute eth0\\       valid_lft 3580sec preferred_lft 3580sec
4: tun0    inet 10.8.0.2 peer 10.8.0.1/32 scope global tun0\\       valid_lft forever preferred_lft forever
`;
  const row = (
    device: string,
    address: string,
    label: string,
    scope: string,
  ) => ({ device, address, label, scope });
  assertEquals(parseAddresses(listed), [
    row("lo", "127.0.0.1/8", "lo", "host"),
    row("lo", "169.254.169.254/32", "lo:c2s-arp", "host"),
    row("eth0", "10.1.1.24/24", "eth0", "global"),
    row("tun0", "10.8.0.2", "tun0", "global"),
  ]);
});

Deno.test("parseAddresses() is empty when nothing is listed", () => {
  assertEquals(parseAddresses(""), []);
  assertEquals(parseAddresses('Device "lo" does not exist.\n'), []);
});

Deno.test("parseLinks() reads names and flags", () => {
  const listed =
    `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: ifb0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 32\\    link/ether de:36:31:8b:25:8e brd ff:ff:ff:ff:ff:ff
5: eth0.100@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 02:fc:00:00:00:01 brd ff:ff:ff:ff:ff:ff
7: veth0@if6: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\\    link/ether 02:fc:00:00:00:02 brd ff:ff:ff:ff:ff:ff link-netns c2s
`;
  assertEquals(parseLinks(listed), [
    { name: "lo", flags: ["LOOPBACK", "UP", "LOWER_UP"] },
    { name: "ifb0", flags: ["BROADCAST", "NOARP"] },
    { name: "eth0.100", flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"] },
    { name: "veth0", flags: ["BROADCAST", "MULTICAST"] },
  ]);
});
