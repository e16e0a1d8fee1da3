import { assert, assertEquals } from "@std/assert";
import { Upstream } from "../../lib/proxy/upstream.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const REQUEST = {
  method: "GET",
  target: "/latest/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

function at(port: number, hostname = "127.0.0.1"): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

Deno.test("isOwn() holds for a request that has no answer yet, and no other", async () => {
  const seen: boolean[] = [];
  let last = 0;
  await using server = await startUpstream(async (_, { peerPort, write }) => {
    last = peerPort;
    const from = at(peerPort);
    seen.push(
      upstream.isOwn(from, here, REQUEST),
      upstream.isOwn(at(peerPort, "::ffff:127.0.0.1"), here, REQUEST),
      upstream.isOwn(from, here, { ...REQUEST, target: "/latest" }),
      upstream.isOwn(from, here, { ...REQUEST, method: "PUT" }),
      upstream.isOwn(at(peerPort ^ 1), here, REQUEST),
      upstream.isOwn(at(peerPort, "10.0.0.1"), here, REQUEST),
      upstream.isOwn(from, at(here.port ^ 1), REQUEST),
    );
    await write(answer(""));
  });
  const here = at(server.address.port);
  const upstream = new Upstream(server.address);
  try {
    // The second one takes the connection of the first.
    for (const _ of [1, 2]) {
      const { body } = await upstream.send(REQUEST, 1_000);
      assertEquals(await body.read(), undefined);
      assert(!upstream.isOwn(at(last), here, REQUEST));
    }
  } finally {
    upstream.close();
  }
  const once = [true, true, false, false, false, false, false];
  assertEquals(seen, [...once, ...once]);
  assertEquals(server.bytes.length, 1);
});
