import { assert, assertEquals } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

/**
 * What a pipeline begins with, the status of the first answer, and whether the
 * rest of the pipeline is answered, too.
 */
const PIPELINES: ReadonlyArray<readonly [string, string, number, boolean]> = [
  [
    "a method that is refused",
    "DELETE /first HTTP/1.1\r\nHost: h\r\n\r\n",
    405,
    true,
  ],
  ["a browser's", get("/first", "Origin: http://evil"), 403, true],
  ["a bad Host", "GET /first HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true],
  ["an empty name", "GET /first HTTP/1.1\r\n: x\r\n\r\n", 400, false],
  ["a head that is no HTTP", "HELLO first\r\n\r\n", 400, false],
  ["a head too long", get("/first", `X: ${"x".repeat(70_000)}`), 400, false],
  [
    "a body too large",
    "PUT /first HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" +
    "x".repeat(70_000),
    413,
    false,
  ],
  ["a wish to close", get("/first", "Connection: close"), 200, false],
  ["HTTP/1.0", "GET /first HTTP/1.0\r\nHost: h\r\n\r\n", 200, false],
  [
    "a wish for another protocol",
    get("/first", "Connection: Upgrade", "Upgrade: websocket"),
    200,
    true,
  ],
  [
    "an expectation",
    "PUT /first HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" +
    "Content-Length: 3\r\n\r\nabc",
    200,
    true,
  ],
];

function startEcho(): Promise<RawUpstream> {
  return startUpstream(({ method, target }, connection) =>
    connection.write(answer(`${method} ${target}`))
  );
}

const REST = [1, 2, 3].map((i) => `/rest/${i}`);

Deno.test("startProxy() answers a pipeline in its order, whatever it begins with, and mixes it with no other", async () => {
  // Every request goes up, or identical ones share an answer.
  for (const cacheMs of [0, 1_000]) {
    await using upstream = await startEcho();
    await using proxy = await startUnderTest(upstream.address, { cacheMs });
    for (const [name, first, status, goesOn] of PIPELINES) {
      using client = await RawClient.connect(proxy.address);
      await client.send(first + REST.map((it) => get(it)).join(""));
      let got = await client.answer();
      while (got.status < 200) got = await client.answer();
      assertEquals(got.status, status, name);
      if (goesOn) {
        for (const target of REST) {
          assertEquals((await client.answer()).body, `GET ${target}`, name);
        }
      } else assertEquals(await client.rest(), "", name);
      const target = `/other/${encodeURIComponent(name)}`;
      const other = await ask(proxy.address, get(target));
      assertEquals(other.body, `GET ${target}`);
    }
  }
});

Deno.test("startProxy() lets one who pipelines and never reads wait alone", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("x".repeat(60_000)))
  );
  await using proxy = await startUnderTest(upstream.address);
  using client = await RawClient.connect(proxy.address);
  const pipeline = Array.from({ length: 2_000 }, (_, i) => get(`/first/${i}`))
    .join("");
  // It blocks once nobody takes more of it.
  const sending = client.send(pipeline).catch(() => {});
  let before = -1;
  while (upstream.requests.length > before) {
    before = upstream.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What sockets hold of it, and no more.
  assert(upstream.requests.length < 1_000);
  assertEquals((await ask(proxy.address, get("/other"))).status, 200);
  client.close();
  await sending;
});
