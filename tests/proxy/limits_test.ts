import { assert, assertEquals, assertMatch } from "@std/assert";
import * as http2 from "node:http2";
import { MAX_REQUEST_BODY } from "../../lib/proxy/admission.ts";
import { MAX_IN_FLIGHT } from "../../lib/proxy/places.ts";
import {
  ask,
  get,
  type RawAnswer,
  RawClient,
  valuesOf,
} from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

function startOk(): Promise<RawUpstream> {
  return startUpstream((_, connection) => connection.write(answer("ok")));
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** More than is sent as a whole: the rest of such an answer is streamed. */
const BEGUN = "x".repeat(70_000);

Deno.test("startProxy() answers 503 over its limit of requests that wait or are answered, and 200 again after", async () => {
  const open = Promise.withResolvers<void>();
  let waiting = 0;
  await using upstream = await startUpstream(async ({ target }, connection) => {
    waiting++;
    const whole = answer(target === "/begun" ? `${BEGUN}ok` : "ok");
    if (target === "/begun") await connection.write(whole.slice(0, -2));
    await open.promise;
    await connection.write(target === "/begun" ? "ok" : whole);
  });
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 30_000,
    // Each of them is to wait for the upstream itself.
    cacheMs: 0,
  });
  const clients: RawClient[] = [];
  try {
    // One after the other, so that no queue of a listener overflows.
    while (clients.length < MAX_IN_FLIGHT) {
      const client = await RawClient.connect(proxy.address);
      clients.push(client);
      const isBegun = clients.length % 2 === 0;
      await client.send(get(isBegun ? "/begun" : "/latest/"));
    }
    for (let i = 0; i < 1_000 && waiting < MAX_IN_FLIGHT; i++) await pause(10);
    assertEquals(waiting, MAX_IN_FLIGHT);
    for (let i = 0; i < 3; i++) {
      assertOwn(
        await ask(proxy.address, get("/latest/")),
        503,
        /Too many requests at one time: limit 1024/,
      );
    }
    open.resolve();
    for (const client of clients) {
      assertEquals((await client.answer()).body.slice(-2), "ok");
    }
  } finally {
    open.resolve();
    for (const client of clients) client.close();
  }
  assertEquals((await ask(proxy.address, get("/latest/"))).body, "ok");
  assertEquals(upstream.requests.length, MAX_IN_FLIGHT + 1);
  // Not one line a request: a crowd must not fill the log.
  assertEquals(proxy.warnings.length, 1);
});

Deno.test("startProxy() takes bodies up to 64 KiB and answers 413 over it", async () => {
  await using upstream = await startOk();
  await using proxy = await startUnderTest(upstream.address);
  for (const chunked of [false, true]) {
    assertEquals(
      (await ask(proxy.address, put(MAX_REQUEST_BODY, chunked))).status,
      200,
    );
    assertOwn(
      await ask(proxy.address, put(MAX_REQUEST_BODY + 1, chunked)),
      413,
      /at most 65536 bytes/,
    );
  }
  assertEquals(
    upstream.requests.map(({ body }) => body.length),
    [MAX_REQUEST_BODY, MAX_REQUEST_BODY],
  );
});

Deno.test("startProxy() answers 413 to an endless body without reading it all", async () => {
  await using upstream = await startOk();
  await using proxy = await startUnderTest(upstream.address);
  using client = await RawClient.connect(proxy.address);
  await client.send(
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  await client.send(`10000\r\n${"x".repeat(65_536)}\r\n1\r\nx\r\n`);
  assertOwn(await client.answer("PUT"), 413, /too large/);
  assertEquals(upstream.requests, []);
});

Deno.test("startProxy() answers 408 to a body that does not come in time", async () => {
  await using upstream = await startOk();
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 300,
  });
  using client = await RawClient.connect(proxy.address);
  await client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  const start = performance.now();
  assertOwn(
    await client.answer("PUT"),
    408,
    /Request body did not come within 0\.3 s/,
  );
  assert(performance.now() - start < 1_500);
  assertEquals(upstream.requests, []);
  assertEquals((await ask(proxy.address, get("/latest/"))).body, "ok");
});

Deno.test("startProxy() gives the upstream its whole time after a slow body", async () => {
  await using upstream = await startUpstream(async (_, connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    await pause(300);
    await connection.write("ok");
  });
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 600,
  });
  using client = await RawClient.connect(proxy.address);
  await client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
  await pause(400);
  await client.send("b");
  assertEquals((await client.answer("PUT")).body, "ok");
});

const REFUSED: ReadonlyArray<readonly [string, number, RegExp]> = [
  ["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405, /Method/],
  ["DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, /expected GET, HEAD, PUT/],
  ["TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, /Method/],
  ["PATCH / HTTP/1.1\r\nHost: h\r\n\r\n", 405, /Method/],
  ["CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 405, /Method/],
  ["get / HTTP/1.1\r\nHost: h\r\n\r\n", 405, /Method/],
  [get("/", "Origin: null"), 403, /browsers/],
  [get("/", "Origin:"), 403, /browsers/],
  [get("/", "Sec-Fetch-Site: same-origin"), 403, /browsers/],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400, /Bad Host/],
  ["GET / HTTP/1.1\r\nHost: z\xfcrich\r\n\r\n", 400, /Bad Host/],
];

Deno.test("startProxy() refuses what the service does not know, in one plain line", async () => {
  await using upstream = await startOk();
  await using proxy = await startUnderTest(upstream.address);
  for (const [request, status, reason] of REFUSED) {
    assertOwn(await ask(proxy.address, request), status, reason);
  }
  assertEquals(upstream.requests, []);
});

Deno.test("startProxy() refuses a control byte in a target in HTTP/2, too", async () => {
  await using upstream = await startOk();
  await using proxy = await startUnderTest(upstream.address);
  const session = http2.connect(`http://127.0.0.1:${proxy.address.port}`);
  session.on("error", () => {});
  const request = session.request({ ":path": "/latest/\x7f" });
  await new Promise<void>((resolve) => {
    request.on("error", () => resolve());
    request.on("close", resolve);
    request.resume();
  });
  await new Promise<void>((resolve) => session.close(resolve));
  assertEquals(upstream.requests, []);
});
