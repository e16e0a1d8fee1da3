import { assert, assertEquals } from "@std/assert";
import { Upstream } from "../../lib/proxy/upstream.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const LOCAL = "127.0.0.1";
const REQUEST = {
  method: "GET",
  target: "/latest/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

Deno.test("isOwn() holds for a request that has no answer yet, and no other", async () => {
  const seen: boolean[] = [];
  await using server = await startUpstream(async (_, connection) => {
    const port = connection.peerPort;
    seen.push(
      upstream.isOwn(LOCAL, port, REQUEST),
      upstream.isOwn("::ffff:127.0.0.1", port, REQUEST),
      upstream.isOwn(LOCAL, port, { ...REQUEST, target: "/latest" }),
      upstream.isOwn(LOCAL, port, { ...REQUEST, method: "PUT" }),
      upstream.isOwn(LOCAL, port ^ 1, REQUEST),
      upstream.isOwn("10.0.0.1", port, REQUEST),
    );
    last = port;
    await connection.write(answer(""));
  });
  let last = 0;
  const upstream = new Upstream(server.address);
  try {
    // The second one takes the connection of the first.
    for (const _ of [1, 2]) {
      const { body } = await upstream.send(REQUEST, 1_000);
      await body.toArray();
      assert(!upstream.isOwn(LOCAL, last, REQUEST));
    }
  } finally {
    upstream.close();
  }
  const once = [true, true, false, false, false, false];
  assertEquals(seen, [...once, ...once]);
  assertEquals(server.bytes.length, 1);
});
