import { assertEquals } from "@std/assert";
import { answering, speaksArp } from "../../lib/link/arp_ignore.ts";

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

Deno.test("speaksArp() leaves out loopback and interfaces without ARP", () => {
  const speaks = (...flags: string[]) => speaksArp({ name: "x", flags });
  assertEquals(speaks("LOOPBACK", "UP"), false);
  assertEquals(speaks("POINTOPOINT", "NOARP", "UP"), false);
  assertEquals(speaks("BROADCAST", "MULTICAST"), true);
});
