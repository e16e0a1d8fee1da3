import { assertEquals } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { figure } from "./figures.ts";

/** What a pipeline begins with, and what becomes of the requests after it. */
interface Pipeline {
  readonly name: string;
  readonly first: string;
  /** The status of the first answer; none where the connection just ends. */
  readonly status?: number;
  /** Whether the rest of the pipeline is answered, too. */
  readonly goesOn: boolean;
}

const LARGE = "x".repeat(70_000);

const PIPELINES: readonly Pipeline[] = [
  {
    name: "a method that is refused",
    first: "DELETE /first HTTP/1.1\r\nHost: h\r\n\r\n",
    status: 405,
    goesOn: true,
  },
  {
    name: "a request from a browser",
    first: get("/first", "Origin: http://evil"),
    status: 403,
    goesOn: true,
  },
  {
    name: "a bad Host",
    first: "GET /first HTTP/1.1\r\nHost: a/b\r\n\r\n",
    status: 400,
    goesOn: true,
  },
  {
    name: "an empty head",
    first: "GET /first HTTP/1.1\r\n: x\r\n\r\n",
    status: 400,
    goesOn: false,
  },
  {
    name: "a head that is no HTTP",
    first: "HELO first\r\n\r\n",
    status: 400,
    goesOn: false,
  },
  {
    name: "a head too long",
    first: get("/first", `X: ${LARGE}`),
    status: 400,
    goesOn: false,
  },
  {
    name: "a body too large",
    first: `PUT /first HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n` +
      LARGE,
    status: 413,
    goesOn: false,
  },
  {
    name: "a wish to close",
    first: get("/first", "Connection: close"),
    status: 200,
    goesOn: false,
  },
  {
    name: "HTTP/1.0",
    first: "GET /first HTTP/1.0\r\nHost: h\r\n\r\n",
    status: 200,
    goesOn: false,
  },
  {
    name: "a wish for another protocol",
    first: get("/first", "Connection: Upgrade", "Upgrade: websocket"),
    status: 200,
    goesOn: true,
  },
  {
    name: "an expectation",
    first: "PUT /first HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" +
      "Content-Length: 3\r\n\r\nabc",
    status: 200,
    goesOn: true,
  },
];

function startEcho(): Promise<RawUpstream> {
  return startUpstream(({ method, target }, connection) =>
    connection.write(answer(`${method} ${target}`))
  );
}

const REST = [1, 2, 3].map((i) => `/rest/${i}`);

/** Every request goes up, or identical ones share an answer. */
const LIVES = [0, 1_000];

async function answersPipelines(cacheMs: number): Promise<void> {
  await using upstream = await startEcho();
  await using proxy = await startUnderTest(upstream.address, { cacheMs });
  using other = await RawClient.connect(proxy.address);
  for (const { name, first, status, goesOn } of PIPELINES) {
    using client = await RawClient.connect(proxy.address);
    await client.send(first + REST.map((it) => get(it)).join(""));
    const statuses: number[] = [];
    const bodies: string[] = [];
    try {
      while (bodies.length < REST.length) {
        const got = await client.answer();
        if (got.status < 200) continue;
        statuses.push(got.status);
        if (statuses.length > 1) bodies.push(got.body);
      }
    } catch {
      // The connection ended.
    }
    assertEquals(statuses[0], status, name);
    assertEquals(bodies, goesOn ? REST.map((it) => `GET ${it}`) : [], name);
    await other.send(get(`/other/${encodeURIComponent(name)}`));
    assertEquals(
      (await other.answer()).body,
      `GET /other/${encodeURIComponent(name)}`,
    );
  }
}

Deno.test("startProxy() answers a pipeline in its order, whatever it begins with, and mixes it with no other", async () => {
  for (const cacheMs of LIVES) await answersPipelines(cacheMs);
});

Deno.test("startProxy() takes the rest of a pipeline for the body that was promised, and for nothing else", async () => {
  await using upstream = await startEcho();
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 300,
  });
  for (
    const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]
  ) {
    using client = await RawClient.connect(proxy.address);
    const size = framing.startsWith("T") ? "3e8\r\n" : "";
    await client.send(
      `PUT /first HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n${size}` +
        get("/poison"),
    );
    assertEquals((await client.answer("PUT")).status, 408);
    using other = await RawClient.connect(proxy.address);
    await other.send(get(`/other/${size}`.trim()));
    assertEquals((await other.answer()).body, `GET /other/${size}`.trim());
  }
  assertEquals(upstream.requests.map(({ target }) => target), [
    "/other/",
    "/other/3e8",
  ]);
});

Deno.test("startProxy() gives 20 pipelines of 10 requests at one time each its own answers", async () => {
  await using upstream = await startUpstream(
    async ({ target }, connection) => {
      // The later the request, the sooner its answer.
      const place = Number(target.slice(target.lastIndexOf("/") + 1));
      await new Promise((resolve) => setTimeout(resolve, 10 - place));
      await connection.write(answer(target));
    },
  );
  const targets = Array.from({ length: 10 }, (_, i) => `/${i}`);
  const ups: number[] = [];
  for (const cacheMs of LIVES) {
    await using proxy = await startUnderTest(upstream.address, { cacheMs });
    const before = upstream.requests.length;
    await Promise.all(Array.from({ length: 20 }, async () => {
      using client = await RawClient.connect(proxy.address);
      await client.send(targets.map((it) => get(it)).join(""));
      for (const target of targets) {
        assertEquals((await client.answer()).body, target);
      }
    }));
    ups.push(upstream.requests.length - before);
    assertEquals(proxy.warnings, []);
  }
  const [alone = 0, shared = 0] = ups;
  assertEquals(alone, 200);
  // Once each; a machine that stands still for a second may ask once more.
  assertEquals(shared >= 10 && shared <= 20, true, `${shared} went up`);
  figure("20 pipelines", `${alone} requests went up, and ${shared} shared`);
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
  assertEquals(upstream.requests.length < 1_000, true);
  using other = await RawClient.connect(proxy.address);
  await other.send(get("/other"));
  assertEquals((await other.answer()).status, 200);
  client.close();
  await sending;
});
