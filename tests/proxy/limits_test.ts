import { assertEquals, assertMatch } from "@std/assert";
import { MAX_REQUEST_BODY } from "../../lib/proxy/admission.ts";
import { MAX_IN_FLIGHT } from "../../lib/proxy/places.ts";
import { until } from "../helpers/node.ts";
import {
  ask,
  get,
  type RawAnswer,
  RawClient,
  valuesOf,
} from "../helpers/raw.ts";
import { answer } from "../helpers/upstream.ts";
import { type Stage, startStage } from "./under_test.ts";

function startOk(timeoutMs = 60_000): Promise<Stage> {
  return startStage((_, { write }) => write(answer("ok")), { timeoutMs });
}

/** An answer of the proxy's own: one line of plain text. */
function assertOwn(got: RawAnswer, status: number, reason: RegExp): void {
  assertEquals(got.status, status);
  assertEquals(valuesOf(got, "content-type"), ["text/plain"]);
  assertMatch(got.body, /^c2s-imds: [^\n]+\n$/);
  assertMatch(got.body, reason);
}

function put(length: number, chunked = false): string {
  const body = "x".repeat(length);
  return chunked
    ? `PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${
      length.toString(16)
    }\r\n${body}\r\n0\r\n\r\n`
    : `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** More than is sent as a whole: the rest of such an answer is streamed. */
const BEGUN = "x".repeat(70_000);

Deno.test("startProxy() answers 503 over its limit of requests that wait or are answered, and 200 again after", async () => {
  const open = Promise.withResolvers<void>();
  await using it = await startStage(async ({ target }, { write }) => {
    const whole = answer(target === "/begun" ? `${BEGUN}ok` : "ok");
    if (target === "/begun") await write(whole.slice(0, -2));
    await open.promise;
    await write(target === "/begun" ? "ok" : whole);
    // Each of them is to wait for the upstream itself.
  }, { cacheMs: 0 });
  const clients: RawClient[] = [];
  try {
    // One after the other, so that no queue of a listener overflows.
    while (clients.length < MAX_IN_FLIGHT) {
      const client = await RawClient.connect(it.proxy.address);
      clients.push(client);
      await client.send(get(clients.length % 2 === 0 ? "/begun" : "/latest/"));
    }
    await until(
      "all wait",
      () => it.upstream.requests.length === MAX_IN_FLIGHT,
    );
    for (let i = 0; i < 3; i++) {
      const reason = /Too many requests at one time: limit 1024/;
      assertOwn(await it.ask("/latest/"), 503, reason);
    }
    open.resolve();
    for (const client of clients) {
      assertEquals((await client.answer()).body.slice(-2), "ok");
    }
  } finally {
    open.resolve();
    for (const client of clients) client.close();
  }
  assertEquals((await it.ask("/latest/")).body, "ok");
  // Not one line a request: a crowd must not fill the log.
  assertEquals(it.proxy.warnings.length, 1);
});

Deno.test("startProxy() takes bodies up to 64 KiB and answers 413 over it, without reading all", async () => {
  await using it = await startOk();
  const { address } = it.proxy;
  for (const chunked of [false, true]) {
    const most = await ask(address, put(MAX_REQUEST_BODY, chunked));
    assertEquals(most.status, 200);
    const more = await ask(address, put(MAX_REQUEST_BODY + 1, chunked));
    assertOwn(more, 413, /at most 65536 bytes/);
  }
  using endless = await RawClient.connect(address);
  await endless.send(
    put(MAX_REQUEST_BODY, true).replace(/0\r\n\r\n$/, "1\r\nx\r\n"),
  );
  assertOwn(await endless.answer("PUT"), 413, /too large/);
  assertEquals(
    it.upstream.requests.map(({ body }) => body.length),
    [MAX_REQUEST_BODY, MAX_REQUEST_BODY],
  );
});

Deno.test("startProxy() answers 408 to a body that does not come in time", async () => {
  await using it = await startOk(300);
  using client = await RawClient.connect(it.proxy.address);
  await client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  const reason = /Request body did not come within 0\.3 s/;
  assertOwn(await client.answer("PUT"), 408, reason);
  assertEquals(it.upstream.requests, []);
});
