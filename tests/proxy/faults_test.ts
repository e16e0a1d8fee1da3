import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "../../lib/system/timers.ts";
import { stopClock } from "../helpers/clock.ts";
import { until } from "../helpers/node.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, type Connection, startUpstream } from "../helpers/upstream.ts";
import { type Stage, startStage, startUnderTest } from "./under_test.ts";

/** What the upstream does with a request: what it says, or more. */
type Act = string | ((connection: Connection) => unknown);

/** What the client gets. */
interface Outcome {
  readonly status: number;
  /** What the log says of it; nothing where all is well. */
  readonly logged?: RegExp;
  /** The body, where it matters. */
  readonly body?: string;
  /** Whether the answer breaks off. */
  readonly broken?: true;
  /** The timeout, where it decides. */
  readonly timeoutMs?: number;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends some text, and breaks the connection. */
function cut(text: string, how: "end" | "reset" = "end"): Act {
  return async (connection) => {
    if (text !== "") await connection.write(text);
    connection[how]();
  };
}

/** Sends some text, then byte by byte until the other side has gone. */
function dribble(start: string, text: string, pauseMs = 50): Act {
  return async (connection) => {
    await connection.write(start);
    for (const byte of text) {
      await delay(pauseMs);
      if (!await connection.write(byte)) return;
    }
  };
}

const OK = "HTTP/1.1 200 OK\r\n";
const LARGE = "x".repeat(200_000);

const BROKEN: Outcome = { status: 502, logged: /broke off/ };
const LATE: Outcome = {
  status: 504,
  logged: /no answer within 0.3 s/,
  timeoutMs: 300,
};
const STARTED = { status: 200, timeoutMs: 1_000 };
const FINE: Outcome = { status: 200, body: "us-iso-east-1" };

function bad(logged: RegExp): Outcome {
  return { status: 502, logged };
}

const FAULTS: ReadonlyArray<readonly [string, Act, Outcome]> = [
  ["resets before the head", cut("", "reset"), bad(/broke off: ECONNRESET/)],
  ["closes before the head", cut(""), BROKEN],
  ["resets within the head", cut(`${OK}X:`, "reset"), BROKEN],
  ["resets after the head", cut(`${OK}Content-Length: 9\r\n\r\n`), BROKEN],
  ["truncates a small body", cut(`${OK}Content-Length: 9\r\n\r\nus-`), BROKEN],
  [
    "truncates chunks",
    cut(`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nus-`),
    BROKEN,
  ],
  [
    "truncates a large body",
    cut(`${OK}Content-Length: 999999\r\n\r\n${LARGE}`),
    { status: 200, logged: /broke off/, broken: true },
  ],
  ["is silent", () => {}, LATE],
  ["dribbles the head", dribble("HTTP/1.1", OK.slice(8)), LATE],
  [
    "dribbles a small body",
    dribble(`${OK}Content-Length: 9\r\n\r\n`, "us-east-1"),
    LATE,
  ],
  [
    "dribbles the end of a large body",
    dribble(`${OK}Content-Length: 200009\r\n\r\n${LARGE}`, "-us-east-", 150),
    { ...STARTED, body: `${LARGE}-us-east-` },
  ],
  [
    "stops within a large body",
    `${OK}Content-Length: 200009\r\n\r\n${LARGE}`,
    { ...STARTED, logged: /the body did not go on in time/, broken: true },
  ],
  [
    "sends a header of 1 MB",
    `${OK}X-A: ${"a".repeat(1_000_000)}\r\n\r\n`,
    bad(/bad answer: a head or line too long/),
  ],
  ["sends garbage", "\x16\x03garbage", bad(/bad answer: not HTTP\/1"/)],
  ["sends HTTP/0.9", "us-east-1", bad(/bad answer: not HTTP\/1"/)],
  ["sends status 600", answer("x", [], "600 Odd"), bad(/status 600/)],
  ["sends status 205", answer("", [], "205 Odd"), bad(/status 205/)],
  ["sends status 101", "HTTP/1.1 101 Odd\r\n\r\nabc", bad(/status 101/)],
  ["sends 100 alone", "HTTP/1.1 100 Go\r\n\r\n", LATE],
  [
    "sends 100 fifty times before its answer",
    "HTTP/1.1 100 Go\r\n\r\n".repeat(50) + answer("us-east-1"),
    FINE,
  ],
  [
    "sends 100 without end",
    "HTTP/1.1 100 Go\r\n\r\n".repeat(10_000),
    bad(/bad answer: too many interim answers"/),
  ],
  [
    "sends each byte in a chunk of its own",
    `${OK}Transfer-Encoding: chunked\r\n\r\n${
      "1\r\nx\r\n".repeat(20_000)
    }a\r\n us-east-1\r\n0\r\n\r\n`,
    { ...FINE, body: `${"x".repeat(20_000)} us-iso-east-1` },
  ],
  [
    "sends early hints",
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + answer("us-east-1"),
    FINE,
  ],
  ["sends two answers", answer("us-east-1") + answer("POISON"), FINE],
  [
    "sends a body with 204",
    answer("abc", [], "204 None"),
    { status: 204, body: "" },
  ],
];

/** `/next` is answered; whatever else is asked meets the fault. */
function startFaulty(act: Act, timeoutMs = 60_000): Promise<Stage> {
  return startStage(
    (request, connection) =>
      request.target === "/next"
        ? connection.write(answer("next"))
        : typeof act === "string"
        ? connection.write(act)
        : act(connection),
    { timeoutMs },
  );
}

/**
 * Moves the clock at each turn of the event loop, which both sides share: a
 * hundred of them are more than an answer takes, however slow the machine.
 */
async function tick(ms: number): Promise<Disposable> {
  const clock = await stopClock();
  const ticking = setInterval(() => clock.advance(ms), 1);
  return {
    [Symbol.dispose]() {
      clearInterval(ticking);
      clock[Symbol.dispose]();
    },
  };
}

const PUT = "PUT /fault HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

for (const [name, act, outcome] of FAULTS) {
  const { status, logged, body, broken, timeoutMs } = outcome;
  Deno.test(`startProxy() lives on when the upstream ${name}, and sends nothing twice`, async () => {
    using _clock = await tick((timeoutMs ?? 0) / 100);
    await using it = await startFaulty(act, timeoutMs);
    const { upstream, proxy } = it;
    const got = await it.ask("/fault");
    assertEquals(got.status, status);
    assertEquals(got.complete, broken === undefined);
    if (body !== undefined) assertEquals(got.body, body);
    if (status >= 500) {
      assertMatch(
        got.body,
        /^c2s-imds: Metadata service http:\/\/127\.0\.0\.1:\d+: [^\n]+\n$/,
      );
    }
    assertEquals((await it.ask("/next")).body, "next");
    assertEquals(upstream.requests.length, 2);
    assertEquals(proxy.warnings.length, logged === undefined ? 0 : 1);
    if (logged !== undefined) {
      assertMatch(proxy.warnings[0] ?? "", logged);
      assertMatch(proxy.warnings[0] ?? "", /target=\/fault/);
    }
    assertEquals((await ask(proxy.address, PUT)).status, status);
    assertEquals(upstream.requests.length, 3);
  });
}

Deno.test("startProxy() logs ten lines a minute of an upstream that fails", async () => {
  await using it = await startFaulty(cut(""));
  for (let i = 0; i < 12; i++) {
    assertEquals((await it.ask(`/${i}`)).status, 502);
  }
  assertEquals(it.proxy.warnings.length, 10);
});

Deno.test("startProxy() answers 502 when the upstream refuses connections", async () => {
  const gone = await startUpstream(() => {});
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using proxy = await startUnderTest(address);
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /cannot be reached: ECONNREFUSED\n$/);
  assertEquals(proxy.warnings.length, 1);
});

Deno.test("startProxy() shows no error however the upstream closes after its answer", async () => {
  let round = 0;
  await using it = await startStage(async (_, connection) => {
    await connection.write(answer("us-east-1"));
    await pause(round % 4);
    if (round++ % 2 === 0) connection.end();
    else connection.reset();
  });
  using client = await RawClient.connect(it.proxy.address);
  for (let i = 0; i < 100; i++) {
    await client.send(get(`/latest/?${i}`));
    const { status, body } = await client.answer();
    assertEquals([status, body], [200, "us-iso-east-1"], `${i}`);
  }
  assertEquals(it.proxy.warnings, []);
});

Deno.test("startProxy() hands on an answer that comes before the body was read", async () => {
  await using upstream = await startUpstream(() => {}, {
    onHead: async (_, connection) => {
      await connection.write(answer("no", [], "413 Too Large"));
      connection.end();
    },
  });
  await using proxy = await startUnderTest(upstream.address);
  const head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n";
  for (let i = 0; i < 10; i++) {
    const got = await ask(proxy.address, head + "x".repeat(65_536));
    assertEquals([got.status, got.body], [413, "no"]);
  }
});

/** What the client of a request that is under way leaves behind. */
const LEAVERS: ReadonlyArray<readonly [string, string, number]> = [
  ["a GET", get("/fault?secret"), 0],
  ["a GET that others may join", get("/fault?secret"), 1_000],
  ["a PUT", PUT, 1_000],
  ["a large body", get("/large"), 1_000],
];

for (const [what, request, cacheMs] of LEAVERS) {
  Deno.test(`startProxy() takes ${what} back from the service when the client leaves, and blames nobody`, async () => {
    const asked = Promise.withResolvers<void>();
    await using it = await startStage(async ({ target }, connection) => {
      asked.resolve();
      if (target !== "/large") return;
      await connection.write(`${OK}Content-Length: 99999999\r\n\r\n`);
      while (await connection.write(LARGE)) await pause(1);
    }, { cacheMs });
    const { upstream, proxy } = it;
    {
      using client = await RawClient.connect(proxy.address);
      await client.send(request);
      await asked.promise;
      if (request === get("/large")) await client.readSome();
    }
    await until("it is taken back", () => upstream.open === 0);
    assertEquals(upstream.requests.length, 1);
    if (request !== get("/large")) {
      await until("it is logged", () => proxy.log.length > 0);
      assertMatch(
        proxy.log[0] ?? "",
        /debug dropped a client that left method=\w+ target=\/fault\n$/,
      );
    }
    assertEquals(proxy.warnings, []);
  });
}
