import { assertEquals } from "@std/assert";
import { OwnAddresses } from "../../lib/proxy/peers.ts";

Deno.test("OwnAddresses.includes() knows loopback without asking", () => {
  const own = new OwnAddresses(() => {
    throw new Error("asked");
  });
  assertEquals(own.includes("127.0.0.1"), true);
  assertEquals(own.includes("127.9.9.9"), true);
  assertEquals(own.includes("::1"), true);
  assertEquals(own.includes("::ffff:127.0.0.1"), true);
});

Deno.test("OwnAddresses.includes() tells the node's addresses from others'", () => {
  const own = new OwnAddresses(() => ["10.0.0.5", "fe80::1"]);
  assertEquals(own.includes("10.0.0.5"), true);
  assertEquals(own.includes("::ffff:10.0.0.5"), true);
  assertEquals(own.includes("fe80::1%eth0"), true);
  assertEquals(own.includes("10.0.0.6"), false);
});

Deno.test("OwnAddresses.includes() finds a new address, asking ten times a second at most", () => {
  const addresses = ["10.0.0.5"];
  let asked = 0;
  let now = 0;
  const own = new OwnAddresses(() => {
    asked++;
    return [...addresses];
  }, () => now);
  assertEquals(own.includes("10.0.0.6"), false);
  addresses.push("10.0.0.6");
  assertEquals(own.includes("10.0.0.6"), false);
  assertEquals(asked, 1);
  now = 100;
  assertEquals(own.includes("10.0.0.6"), true);
  assertEquals(own.includes("10.0.0.5"), true);
  assertEquals(asked, 2);
});
