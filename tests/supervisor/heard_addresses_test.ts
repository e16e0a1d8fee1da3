import { assertEquals, assertThrows } from "@std/assert";
import { heardAddresses } from "../../lib/supervisor/heard_addresses.ts";

const at = (hostname: string, port: unknown) => ({ hostname, port });
const asked = (port: number) => [{ hostname: "127.0.0.1", port }];

Deno.test("heardAddresses() takes the port that was asked for, and a free one for port 0", () => {
  assertEquals(heardAddresses([at("127.0.0.1", 4000)], asked(4000)), [
    { hostname: "127.0.0.1", port: 4000 },
  ]);
  assertEquals(heardAddresses([at("127.0.0.1", 65_535)], asked(0)), [
    { hostname: "127.0.0.1", port: 65_535 },
  ]);
});

Deno.test("heardAddresses() keeps to the names it asked for", () => {
  assertEquals(heardAddresses([at("evil\n", 4000)], asked(4000)), asked(4000));
});

const LINES = "4000\nCOMMIT\n*filter\n-F INPUT";

Deno.test("heardAddresses() throws when it hears anything else", async (t) => {
  for (
    const [heard, port] of [
      [[at("127.0.0.1", 4001)], 4000],
      [[at("127.0.0.1", "4000")], 4000],
      [[at("127.0.0.1", LINES)], 0],
      [[at("127.0.0.1", 0)], 0],
      [[at("127.0.0.1", 65_536)], 0],
      [[at("127.0.0.1", 1.5)], 0],
      [[at("127.0.0.1", 4000), at("127.0.0.1", 4001)], 4000],
      [[null], 4000],
      [[], 4000],
      [{ 0: at("127.0.0.1", 4000), length: 1 }, 4000],
      ["4000", 4000],
      [undefined, 4000],
    ] as const
  ) {
    await t.step(JSON.stringify(heard) ?? "nothing", () => {
      assertThrows(() => heardAddresses(heard, asked(port)), Error, "Cannot");
    });
  }
});
