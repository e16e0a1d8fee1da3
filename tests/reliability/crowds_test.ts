import { assert, assertEquals } from "@std/assert";
import { until } from "../helpers/node.ts";
import { ask, get } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { Crowd, CROWD_NEEDS } from "./crowd.ts";
import { figure } from "./figures.ts";
import { askOften, startRegion, startServed } from "./served.ts";

/** As long as a busy machine may take for answers, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Descriptors that come and go by themselves. */
const SLACK = 16;

testWith(CROWD_NEEDS)(
  "serve answers others while 10,000 connections idle, and while they begin a head",
  async () => {
    const count = 10_000;
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address);
    await askOften(served.address);
    const before = await served.descriptors();
    const empty = await served.memory();
    await using crowd = new Crowd(served.address);
    assertEquals(await crowd.connect(count), count);
    const waits = [await askOften(served.address)];
    const idle = await served.memory();
    // No sum: connections to the upstream that lingered were counted before.
    assert(await served.descriptors() >= count);

    assertEquals(await crowd.send("GET /latest/ HTTP/1.1\r\nX: "), count);
    waits.push(await askOften(served.address));
    const slow = await served.memory();
    assertEquals(await crowd.answers(1), { nothing: count });

    await crowd.close("in order");
    await until(
      "descriptors come back",
      async () => await served.descriptors() <= before + SLACK,
    );
    waits.push(await askOften(served.address));
    const kib = (memory: number) => ((memory - empty) / count).toFixed(1);
    figure(
      "10,000 connections",
      `${kib(idle)} KiB each idle, ${kib(slow)} KiB each with a head begun, ` +
        `others wait ${waits.map((ms) => ms.toFixed(0))} ms at most`,
    );
    assert(slow - empty < 40 * count, `${kib(slow)} KiB a connection`);
  },
);

testWith(CROWD_NEEDS)(
  "serve refuses 1,000 bodies that do not come, most of them at once, and answers others meanwhile",
  async () => {
    const count = 1_000;
    /** The most bodies that are waited for at one time. */
    const places = 256;
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address, ["--timeout=3"]);
    await using crowd = new Crowd(served.address);
    await crowd.connect(count);
    const empty = await served.memory();
    const put = "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n";
    await crowd.send(`${put}Content-Length: 3\r\n\r\na`);
    const longest = await askOften(served.address);
    for (const none of ["Content-Length: 0\r\n", ""]) {
      const { status } = await ask(served.address, `${put}${none}\r\n`);
      assertEquals(status, 200, "those without a body take no place");
    }
    const each = (await served.memory() - empty) / count;
    const { 408: late = 0, 503: refused = 0, ...others } = await crowd.answers(
      PATIENCE_MS,
    );
    assertEquals(others, {});
    // Where the first are late before the last were sent, others take their
    // places.
    assert(late >= places && refused > 0, `${late} late, ${refused}`);
    assertEquals(late + refused, count);
    figure(
      "1,000 slow bodies",
      `${late} late, ${each.toFixed(1)} KiB each, ` +
        `others wait ${longest.toFixed(0)} ms at most`,
    );
    assert(each < 400, `${each} KiB a body`);
    const up = upstream.requests.filter(({ method }) => method === "PUT");
    assertEquals(up.length, 2);
  },
);

/** How far clients get before they are gone, and what a half-closed one gets. */
const BEGINNINGS: ReadonlyArray<readonly [string, string, number]> = [
  ["before a byte", "", 200],
  ["within a head", "GET /latest/ HTTP/1.1\r\nX", 200],
  [
    "within a body",
    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
    400,
  ],
  ["before the answer", get("/slow"), 200],
];

testWith(CROWD_NEEDS)(
  "serve gets its descriptors back when 300 clients vanish or close their sending side anywhere",
  async () => {
    const count = 300;
    let open = Promise.withResolvers<void>();
    await using upstream = await startUpstream(
      async ({ target }, connection) => {
        if (target === "/slow") await open.promise;
        await connection.write(answer("us-east-1"));
      },
    );
    using _open = { [Symbol.dispose]: () => open.resolve() };
    await using served = await startServed(upstream.address, ["--cache=0"]);
    await askOften(served.address);
    const before = await served.descriptors();
    await using crowd = new Crowd(served.address);
    for (const [when, beginning, status] of BEGINNINGS) {
      open = Promise.withResolvers();
      for (const how of ["in order", "with a reset", "half"] as const) {
        await crowd.connect(count);
        assertEquals(await crowd.send(beginning), count, when);
        await crowd.close(how);
        await askOften(served.address);
      }
      open.resolve();
      const { [status]: got = 0, closed = 0, ...others } = await crowd.answers(
        PATIENCE_MS,
      );
      // Some may get what was ready before their end was seen.
      assertEquals([got + closed, others], [count, {}], when);
      await crowd.close("in order");
    }
    await until(
      "descriptors come back",
      async () => await served.descriptors() <= before + SLACK,
    );
    assertEquals(served.program.stderr().match(/ error .*/g), null);
  },
);
