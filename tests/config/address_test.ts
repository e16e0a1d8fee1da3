import * as net from "node:net";
import { assertEquals } from "@std/assert";
import { isIPv4, isIPv6 } from "../../lib/config/address.ts";

const TEXTS = [
  ...["", "0.0.0.0", "127.0.0.1", "255.255.255.255", "256.0.0.1", "1.2.3"],
  ...["1.2.3.4.5", "1.2.3.4.", "01.2.3.4", " 1.2.3.4", "1.2.3.4\n"],
  ...["0x7f.0.0.1", "::", "::1", "[::1]", "fd00:ec2::254", "FD00:EC2::254"],
  ...["::ffff:1.2.3.4", "::ffff:1.2.3.256", "1:2:3:4:5:6:7:8"],
  ...["1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::"],
  ...[":::", "::1]:80/["],
];

Deno.test("isIPv4() and isIPv6() agree with the runtime's", () => {
  for (const text of TEXTS) {
    assertEquals(isIPv4(text), net.isIPv4(text), text);
    assertEquals(isIPv6(text), net.isIPv6(text), text);
  }
});
