import type { UpstreamAddress } from "../../../lib/config/serve_config.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { systemRunner } from "../../../lib/system/runner.ts";
import { readTcpSockets } from "../../../lib/system/socket_owners.ts";
import { TimeLimit } from "../../../lib/proxy/upstream/time_limit.ts";
import { Upstream } from "../../../lib/proxy/upstream/upstream.ts";
import {
  ClientGone,
  UpstreamError,
} from "../../../lib/proxy/upstream/upstream_error.ts";
import { stopClock } from "../../helpers/clock.ts";
import { until } from "../../helpers/node.ts";
import {
  answer,
  type Connection,
  startUpstream,
} from "../../helpers/upstream.ts";
import { waitingUntil } from "../../helpers/waiting.ts";

const REQUEST = {
  method: "GET",
  target: "/latest/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

function at(port: number, hostname = "127.0.0.1"): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

/** A client of a service, closed at the end. */
function clientOf(address: UpstreamAddress) {
  const upstream = new Upstream(address);
  return { upstream, [Symbol.dispose]: () => upstream.close() };
}

Deno.test("comesBack() holds for a request that has no answer yet, and no other", async () => {
  const seen: boolean[] = [];
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
  using client = clientOf(server.address);
  const { upstream } = client;
  using limit = new TimeLimit(5_000);
  const { body } = await upstream.send(REQUEST, limit);
  assertEquals(await body.read(), undefined);
  assertEquals(upstream.comesBack(at(last), here, REQUEST), false);
  assertEquals(seen, [true, true, ...Array(5).fill(false)]);
});

for (
  const { returns, outcome } of [
    { returns: 7, outcome: "200" },
    { returns: 8, outcome: "loop" },
  ]
) {
  Deno.test(`send() sends from another port what came back: ${outcome} after ${returns} times`, async () => {
    const ports = new Set<number>();
    await using server = await startUpstream((_, { peerPort, write }) => {
      ports.add(peerPort);
      if (ports.size > returns) return write(answer(""));
      upstream.comesBack(at(peerPort), at(server.address.port), REQUEST);
      return write("HTTP/1.1 508 Loop Detected\r\nContent-Length: 0\r\n\r\n");
    });
    using client = clientOf(server.address);
    const { upstream } = client;
    using limit = new TimeLimit(5_000);
    const sent = upstream.send(REQUEST, limit);
    assertEquals(
      await sent.then(({ status }) => `${status}`, ({ fault }) => fault),
      outcome,
    );
    assertEquals(ports.size, 8);
  });
}

Deno.test("close() leaves no connection behind when one is being made", async () => {
  await using server = await startUpstream(() => {});
  const upstream = new Upstream(server.address);
  using limit = new TimeLimit(5_000);
  const sent = upstream.send(REQUEST, limit);
  upstream.close();
  await assertRejects(() => sent, UpstreamError, "stopping");
  assertEquals(server.requests, []);
});

Deno.test("send() lets 64 requests go at a time, and more where these take long", async () => {
  using clock = await stopClock();
  const first = Promise.withResolvers<Connection>();
  await using server = await startUpstream((_, connection) =>
    first.resolve(connection)
  );
  using client = clientOf(server.address);
  const sent = Array.from({ length: 200 }, async () => {
    using limit = new TimeLimit(60_000);
    const { body } = await client.upstream.send(REQUEST, limit);
    await body.start(100);
  });
  const came = (count: number) =>
    until(`${count} came`, () => server.requests.length >= count);
  await came(64);
  assertEquals(server.requests.length, 64);
  await (await first.promise).write(answer(""));
  await came(65);
  assertEquals(server.requests.length, 65);
  for (const count of [128, 192, 200]) {
    clock.advance(50);
    await came(count);
  }
  client.upstream.close();
  await Promise.allSettled(sent);
});

/** As linux/tcp_states.h has it. */
const TIME_WAIT = "06";

Deno.test("send() leaves TIME_WAIT to a service that closes soon after its answer", async () => {
  // What is soon does not depend on how busy the machine is.
  using _clock = await stopClock();
  const peer = Promise.withResolvers<Connection>();
  await using server = await startUpstream(async (_, connection) => {
    await connection.write(answer("whole"));
    peer.resolve(connection);
  });
  {
    using client = clientOf(server.address);
    using limit = new TimeLimit(5_000);
    const { body } = await client.upstream.send(REQUEST, limit);
    // The answer does not wait for the end of the connection.
    assertEquals((await body.start(100)).whole, true);
    const connection = await peer.promise;
    connection.end();
    await connection.closed;
    const sockets = await readTcpSockets(systemRunner) ?? [];
    const waiting = sockets.filter(({ localPort, remotePort, state }) =>
      localPort === connection.peerPort &&
      remotePort === server.address.port && state === TIME_WAIT
    );
    assertEquals(waiting, []);
  }
});

Deno.test("send() closes a connection that the service leaves open", async () => {
  await using server = await startUpstream((_, { write }) =>
    write(answer("whole"))
  );
  using client = clientOf(server.address);
  {
    using limit = new TimeLimit(5_000);
    const { body } = await client.upstream.send(REQUEST, limit);
    await body.start(100);
  }
  await until("it is closed", () => server.open === 0);
});

Deno.test("send() gives what follows an answer to nobody, at once or late", async () => {
  const surplus = answer("another's");
  await using server = await startUpstream(async (_, connection) => {
    const isLate = connection.number % 2 === 1;
    await connection.write(`${answer("own")}${isLate ? "" : surplus}`);
    await read.get(connection.number)?.promise;
    await connection.write(surplus);
    await connection.closed;
    closed++;
  });
  let closed = 0;
  const read = new Map(
    [0, 1, 2, 3].map((number) => [number, Promise.withResolvers<void>()]),
  );
  using client = clientOf(server.address);
  for (const { resolve } of read.values()) {
    using limit = new TimeLimit(5_000);
    const { body } = await client.upstream.send(REQUEST, limit);
    const { bytes } = await body.start(100);
    assertEquals(new TextDecoder().decode(bytes), "own");
    resolve();
    assertEquals(await body.read(), undefined);
  }
  await until("all connections are closed", () => closed === read.size);
});

/** What the service has said when the client leaves. */
const MOMENTS: readonly string[] = [
  "",
  "HTTP/1.1 200 OK\r\nX:",
  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nus-",
];

Deno.test("send() closes the connection of a client that leaves, at any moment", async () => {
  for (const text of MOMENTS) {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    await using server = await startUpstream(async (_, connection) => {
      connection.closed.then(closed.resolve);
      await connection.write(text);
      begun.resolve();
    });
    using client = clientOf(server.address);
    const leaving = new AbortController();
    using limit = new TimeLimit(60_000, waitingUntil(leaving.signal));
    const answered = client.upstream.send(REQUEST, limit)
      .then(({ body }) => body.start(100));
    await begun.promise;
    leaving.abort();
    await assertRejects(() => answered, ClientGone);
    await closed.promise;
  }
});

Deno.test("send() closes a connection that comes about just as the client leaves", async () => {
  // Whatever stays open fails this test: at either end.
  await using server = await startUpstream((_, connection) => connection.end());
  const upstream = new Upstream(server.address);
  for (let i = 0; i < 1_000; i++) {
    const client = new AbortController();
    setTimeout(() => client.abort(), 0);
    using limit = new TimeLimit(60_000, waitingUntil(client.signal));
    await upstream.send(REQUEST, limit).catch(() => {});
  }
  upstream.close();
  await until("all of them are closed", () => server.open === 0);
});
