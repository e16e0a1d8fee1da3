import { assert, assertEquals, assertRejects } from "@std/assert";
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

Deno.test("send() takes silence on a kept connection for that of all that were kept", async () => {
  const KEPT = 5;
  const { promise: all, resolve } = Promise.withResolvers<void>();
  await using server = await startUpstream(async (request, { write }) => {
    if (server.requests.length === KEPT) resolve();
    await all;
    // The path of the old connections is gone; new ones have another.
    const isSilent = server.requests.length > KEPT && request.connection < KEPT;
    if (!isSilent) await write(answer(""));
  });
  const upstream = new Upstream(server.address);
  const ask = async () => {
    const { body } = await upstream.send(REQUEST, 60_000);
    assertEquals(await body.read(), undefined);
  };
  try {
    await Promise.all(Array.from({ length: KEPT }, ask));
    const start = performance.now();
    await ask();
    assert(performance.now() - start < 30_000, "does not wait for its timeout");
    for (let i = 0; i < KEPT; i++) await ask();
  } finally {
    upstream.close();
  }
  assertEquals(server.bytes.length, KEPT + 1);
  assertEquals(server.requests.length, 2 * KEPT + 2);
});
