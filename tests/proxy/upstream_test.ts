import { assertEquals, assertRejects } from "@std/assert";
import { Upstream } from "../../lib/proxy/upstream.ts";
import { UpstreamError } from "../../lib/proxy/upstream_error.ts";
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

Deno.test("comesBack() holds for a request that has no answer yet, and no other", async () => {
  const seen: unknown[] = [];
  let last = 0;
  await using server = await startUpstream(async (_, { peerPort, write }) => {
    last = peerPort;
    const from = at(peerPort);
    seen.push(
      upstream.comesBack(from, here, REQUEST),
      upstream.comesBack(at(peerPort, "::ffff:127.0.0.1"), here, REQUEST),
      upstream.comesBack(from, here, { ...REQUEST, target: "/latest" }),
      upstream.comesBack(from, here, { ...REQUEST, method: "PUT" }),
      upstream.comesBack(at(peerPort ^ 1), here, REQUEST),
      upstream.comesBack(at(peerPort, "10.0.0.1"), here, REQUEST),
      upstream.comesBack(from, at(here.port ^ 1), REQUEST),
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
      assertEquals(upstream.comesBack(at(last), here, REQUEST), undefined);
    }
  } finally {
    upstream.close();
  }
  const no = Array(5).fill(undefined);
  assertEquals(seen, [
    ...["once", "once", ...no],
    // It is not sent a third time.
    ...["again", "again", ...no],
  ]);
  assertEquals(server.bytes.length, 1);
});

Deno.test("close() leaves no connection behind when one is being made", async () => {
  await using server = await startUpstream(() => {});
  const upstream = new Upstream(server.address);
  const sent = upstream.send(REQUEST, 5_000);
  upstream.close();
  await assertRejects(() => sent, UpstreamError, "stopping");
  assertEquals(server.requests, []);
});
