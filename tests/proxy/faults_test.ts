import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import {
  answer,
  type Connection,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { type ProxyUnderTest, startUnderTest } from "./under_test.ts";

/** Where the timeout decides. */
const TIMEOUT_MS = 300;
/** Where it must not, on a busy machine either. */
const PATIENT_MS = 10_000;
/** What may pass beyond the timeout on a busy machine. */
const SLACK_MS = 1_500;

interface Fault {
  readonly name: string;
  /** What the upstream does with the request. */
  readonly act: (connection: Connection) => unknown;
  /** The status the client gets. */
  readonly status: number;
  /** What the log says of it; nothing where all is well. */
  readonly logged?: RegExp;
  /** The body, where it matters. */
  readonly body?: string;
  /** Whether the answer breaks off. */
  readonly broken?: true;
  /** Whether the timeout has a part in it. */
  readonly timed?: true;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends a byte every 50 ms until all are sent or the other side has gone. */
async function dribble(connection: Connection, text: string): Promise<void> {
  for (const byte of text) {
    if (!await connection.write(byte)) return;
    await pause(50);
  }
}

/** A fault by one piece of text. */
function says(
  name: string,
  text: string,
  status: number,
  logged?: RegExp,
  body?: string,
): Fault {
  return {
    name,
    act: (connection) => connection.write(text),
    status,
    ...(logged === undefined ? {} : { logged }),
    ...(body === undefined ? {} : { body }),
  };
}

const OK = "HTTP/1.1 200 OK\r\n";
const LARGE = "x".repeat(200_000);
const REGION = "us-iso-east-1";

const FAULTS: readonly Fault[] = [
  {
    name: "resets before the head",
    act: (connection) => connection.reset(),
    status: 502,
    logged: /broke off: ECONNRESET/,
  },
  {
    name: "closes before the head",
    act: (connection) => connection.end(),
    status: 502,
    logged: /broke off/,
  },
  {
    name: "resets within the head",
    act: async (connection) => {
      await connection.write(`${OK}X:`);
      connection.reset();
    },
    status: 502,
    logged: /broke off/,
  },
  {
    name: "resets after the head",
    act: async (connection) => {
      await connection.write(`${OK}Content-Length: 9\r\n\r\n`);
      await pause(20);
      connection.reset();
    },
    status: 502,
    logged: /broke off/,
  },
  {
    name: "truncates a small body",
    act: async (connection) => {
      await connection.write(`${OK}Content-Length: 9\r\n\r\nus-`);
      connection.end();
    },
    status: 502,
    logged: /broke off/,
  },
  {
    name: "truncates chunks",
    act: async (connection) => {
      await connection.write(`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nus-`);
      connection.end();
    },
    status: 502,
    logged: /broke off/,
  },
  {
    name: "truncates a large body",
    act: async (connection) => {
      await connection.write(`${OK}Content-Length: 999999\r\n\r\n${LARGE}`);
      connection.end();
    },
    status: 200,
    logged: /broke off/,
    broken: true,
  },
  {
    name: "is silent",
    timed: true,
    act: () => {},
    status: 504,
    logged: /no answer within 0.3 s/,
  },
  {
    name: "dribbles the head",
    timed: true,
    act: (connection) => dribble(connection, `${OK}Content-Length: 1\r\n\r\nx`),
    status: 504,
    logged: /no answer within 0.3 s/,
  },
  {
    name: "dribbles a small body",
    timed: true,
    act: async (connection) => {
      await connection.write(`${OK}Content-Length: 9\r\n\r\n`);
      await dribble(connection, "us-east-1");
    },
    status: 504,
    logged: /no answer within 0.3 s/,
  },
  {
    name: "dribbles the end of a large body",
    timed: true,
    act: async (connection) => {
      await connection.write(`${OK}Content-Length: 200009\r\n\r\n${LARGE}`);
      await dribble(connection, "-us-east-");
    },
    status: 200,
    body: `${LARGE}-us-east-`,
  },
  {
    name: "stops within a large body",
    timed: true,
    act: (connection) =>
      connection.write(`${OK}Content-Length: 200009\r\n\r\n${LARGE}`),
    status: 200,
    logged: /the body did not go on in time/,
    broken: true,
  },
  says(
    "sends 1 MB of headers",
    `${OK}${`X-A: ${"a".repeat(43)}\r\n`.repeat(20_000)}\r\n`,
    502,
    /bad answer: a head or line too long/,
  ),
  says(
    "sends a header of 1 MB",
    `${OK}X-A: ${"a".repeat(1_000_000)}\r\n\r\n`,
    502,
    /bad answer: a head or line too long/,
  ),
  says(
    "sends garbage",
    "\x16\x03garbage\r\n\r\n",
    502,
    /bad answer: not HTTP\/1"/,
  ),
  says("sends HTTP/0.9", "us-east-1", 502, /bad answer: not HTTP\/1"/),
  says("sends status 999", answer("x", [], "999 Odd"), 502, /status 999/),
  says("sends status 600", answer("x", [], "600 Odd"), 502, /status 600/),
  says(
    "sends status 99",
    answer("x", [], "99 Odd"),
    502,
    /bad answer: no status line/,
  ),
  says("sends status 205", answer("", [], "205 Odd"), 502, /status 205/),
  says(
    "changes the protocol",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc",
    502,
    /status 101/,
  ),
  says("sends a bare 101", "HTTP/1.1 101 Odd\r\n\r\n", 502, /status 101/),
  {
    ...says(
      "sends 100 alone",
      "HTTP/1.1 100 Go\r\n\r\n",
      504,
      /no answer within/,
    ),
    timed: true,
  },
  says(
    "sends 100 fifty times before its answer",
    "HTTP/1.1 100 Go\r\n\r\n".repeat(50) + answer("us-east-1"),
    200,
    undefined,
    REGION,
  ),
  says(
    "sends early hints",
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + answer("us-east-1"),
    200,
    undefined,
    REGION,
  ),
  says(
    "sends more than its length",
    answer("us-east-1") + "POISON",
    200,
    undefined,
    REGION,
  ),
  says(
    "sends two answers",
    answer("us-east-1") + answer("POISON"),
    200,
    undefined,
    REGION,
  ),
  says(
    "sends a length and chunks",
    `${OK}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    502,
    /bad answer: a length and a transfer coding/,
  ),
  says(
    "sends two lengths",
    `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    502,
    /bad answer: two lengths/,
  ),
  says(
    "sends a length that is no number",
    `${OK}Content-Length: x\r\n\r\nab`,
    502,
    /bad answer: a length that is no number/,
  ),
  says(
    "sends a body with 204",
    "HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\nabc",
    204,
  ),
  says(
    "sends a body with 304",
    "HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\nabc",
    304,
  ),
];

/** What goes up each time, for nobody has asked for it before. */
function startNames(): (target: string) => string {
  let asked = 0;
  return (target) => get(`${target}?${asked++}`);
}

/** `/next` is answered; whatever else is asked meets the fault. */
async function startFaulty(
  act: (connection: Connection) => unknown,
  timeoutMs = PATIENT_MS,
): Promise<{ readonly upstream: RawUpstream; readonly proxy: ProxyUnderTest }> {
  const upstream = await startUpstream((request, connection) =>
    request.target.startsWith("/next")
      ? connection.write(answer("next"))
      : act(connection)
  );
  const proxy = await startUnderTest(upstream.address, { timeoutMs });
  return { upstream, proxy };
}

for (const fault of FAULTS) {
  Deno.test(`startProxy() lives on when the upstream ${fault.name}`, async () => {
    const pair = await startFaulty(
      fault.act,
      fault.timed ? TIMEOUT_MS : PATIENT_MS,
    );
    await using upstream = pair.upstream;
    await using proxy = pair.proxy;
    const fresh = startNames();
    const start = performance.now();
    const got = await ask(proxy.address, get("/fault"));
    const took = performance.now() - start;
    assert(took < TIMEOUT_MS + SLACK_MS, `took ${took} ms`);
    assertEquals(got.status, fault.status);
    assertEquals(got.complete, fault.broken === undefined);
    if (fault.body !== undefined) assertEquals(got.body, fault.body);
    if (fault.status >= 500) {
      assertMatch(
        got.body,
        /^c2s-imds: Metadata service http:\/\/127\.0\.0\.1:\d+: [^\n]+\n$/,
      );
    }
    for (let i = 0; i < 3; i++) {
      assertEquals((await ask(proxy.address, fresh("/next"))).body, "next");
    }
    assertEquals(upstream.requests.length, 4);
    assertEquals(proxy.warnings.length, fault.logged === undefined ? 0 : 1);
    if (fault.logged !== undefined) {
      assertMatch(proxy.warnings[0] ?? "", fault.logged);
      assertMatch(proxy.warnings[0] ?? "", /target=\/fault/);
    }
  });
}

Deno.test("startProxy() tells two who ask for the same of a failure, and the next one asks anew", async () => {
  const failures = FAULTS.filter((it) => it.status >= 500 && !it.timed);
  assert(failures.length > 15);
  for (const { name, act, status } of failures) {
    let well = false;
    const pair = await startFaulty((connection) =>
      well ? connection.write(answer("well")) : act(connection)
    );
    await using upstream = pair.upstream;
    await using proxy = pair.proxy;
    const both = await Promise.all(
      [1, 2].map(() => ask(proxy.address, get("/fault"))),
    );
    assertEquals(both.map((it) => it.status), [status, status], name);
    const before = upstream.requests.length;
    well = true;
    assertEquals((await ask(proxy.address, get("/fault"))).body, "well", name);
    assertEquals(upstream.requests.length, before + 1, name);
  }
});

Deno.test("startProxy() answers 502 when the upstream refuses connections", async () => {
  const gone = await startUpstream(() => {});
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using proxy = await startUnderTest(address, { timeoutMs: TIMEOUT_MS });
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /cannot be reached: ECONNREFUSED\n$/);
  assertEquals(proxy.warnings.length, 1);
});

const CLOSERS: ReadonlyArray<
  readonly [string, (connection: Connection, round: number) => unknown]
> = [
  ["in order", (connection) => connection.end()],
  ["with a reset", (connection) => connection.reset()],
  [
    "a moment later",
    (connection, round) => pause(round % 4).then(() => connection.end()),
  ],
];

for (const [how, close] of CLOSERS) {
  Deno.test(`startProxy() shows no error when the upstream closes after its answer ${how}`, async () => {
    let round = 0;
    await using upstream = await startUpstream(async (_, connection) => {
      await connection.write(answer("us-east-1"));
      await close(connection, round++);
    });
    await using proxy = await startUnderTest(upstream.address);
    using client = await RawClient.connect(proxy.address);
    const fresh = startNames();
    for (let i = 0; i < 100; i++) {
      await client.send(fresh("/latest/"));
      const { status, body } = await client.answer();
      assertEquals([status, body], [200, "us-iso-east-1"], `${i}`);
    }
    assertEquals(upstream.requests.length, 100);
    assertEquals(proxy.warnings, []);
  });
}

const PUT = "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n" +
  "Content-Length: 3\r\n\r\nabc";

Deno.test("startProxy() sends no request twice, whatever becomes of the first", async () => {
  let act: (connection: Connection) => unknown = () => {};
  const pair = await startFaulty((connection) => act(connection), TIMEOUT_MS);
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  const fates: readonly (readonly [typeof act, number])[] = [
    [(connection) => connection.reset(), 502],
    [(connection) => connection.end(), 502],
    [async (connection) => {
      await connection.write("H");
      connection.reset();
    }, 502],
    [() => {}, 504],
  ];
  for (const [i, [fate, status]] of fates.entries()) {
    act = fate;
    assertEquals((await ask(proxy.address, PUT)).status, status);
    assertEquals(upstream.requests.length, i + 1);
  }
});

Deno.test("startProxy() hands on an answer that comes before the body was read", async () => {
  await using upstream = await startUpstream(
    (request, connection) =>
      request.method === "GET" ? connection.write(answer("next")) : undefined,
    {
      onHead: async (request, connection) => {
        if (request.method === "GET") return;
        await connection.write(
          answer("no", ["Connection: close"], "413 Too Large"),
        );
        connection.end();
      },
    },
  );
  await using proxy = await startUnderTest(upstream.address);
  for (let i = 0; i < 10; i++) {
    const { status, body } = await ask(
      proxy.address,
      `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n${
        "x".repeat(65_536)
      }`,
    );
    assertEquals([status, body], [413, "no"]);
    assertEquals((await ask(proxy.address, get(`/next/${i}`))).body, "next");
  }
});

Deno.test("startProxy() drops the upstream connection when the client vanishes within a large body", async () => {
  const dropped = Promise.withResolvers<void>();
  const pair = await startFaulty(async (connection) => {
    connection.closed.then(dropped.resolve);
    await connection.write(`${OK}Content-Length: 99999999\r\n\r\n`);
    while (await connection.write(LARGE)) await pause(1);
  });
  await using _upstream = pair.upstream;
  await using proxy = pair.proxy;
  {
    using client = await RawClient.connect(proxy.address);
    await client.send(get("/fault"));
    await client.readSome();
  }
  await dropped.promise;
  assertEquals((await ask(proxy.address, get("/next"))).body, "next");
  assertEquals(proxy.warnings, []);
});

for (const cacheMs of [0, 1_000]) {
  for (const request of [get("/latest/"), PUT]) {
    const method = request.slice(0, 3);
    Deno.test(`startProxy() takes the ${method} back of a client that leaves, with --cache ${cacheMs / 1_000}`, async () => {
      const asked = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      await using upstream = await startUpstream((_, connection) => {
        connection.closed.then(closed.resolve);
        asked.resolve();
      });
      await using proxy = await startUnderTest(upstream.address, {
        timeoutMs: 60_000,
        cacheMs,
      });
      {
        using client = await RawClient.connect(proxy.address);
        await client.send(request);
        await asked.promise;
      }
      await closed.promise;
      assertEquals(upstream.requests.length, 1);
      assertEquals(proxy.warnings, []);
    });
  }
}

Deno.test("startProxy() reads no faster than its client", async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const chunk = new Uint8Array(64 * 1024).fill(0x78);
  const pair = await startFaulty(async (connection) => {
    await connection.write(`${OK}Content-Length: ${total}\r\n\r\n`);
    while (sent < total && await connection.write(chunk)) sent += chunk.length;
  });
  await using _upstream = pair.upstream;
  await using proxy = pair.proxy;
  using client = await RawClient.connect(proxy.address);
  await client.send(get("/fault"));
  await client.readSome();
  let before = -1;
  while (sent > before) {
    before = sent;
    await pause(50);
  }
  // What the sockets on the way hold, and no more.
  assert(sent < total / 2, `${sent} bytes are on their way`);
  assertEquals((await ask(proxy.address, get("/next"))).body, "next");
});
