import { assert, assertEquals } from "@std/assert";
import { MAX_BODIES } from "../../lib/proxy/request.ts";
import { until } from "../helpers/node.ts";
import { ask, get } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { Crowd, CROWD_NEEDS } from "./crowd.ts";
import { figure } from "./figures.ts";
import { type Address, type Served, startServed } from "./served.ts";

const REGION = "/latest/meta-data/placement/region";

/** As long as a busy machine may take for answers, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Descriptors that come and go by themselves. */
const SLACK = 16;

function startRegion() {
  return startUpstream((_, connection) =>
    connection.write(answer("us-east-1"))
  );
}

/** Asks like any client; the longest wait, in milliseconds. */
async function askOften(address: Address): Promise<number> {
  let longest = 0;
  for (let i = 0; i < 50; i++) {
    const start = performance.now();
    const { status, body } = await ask(address, get(`${REGION}?${i}`));
    longest = Math.max(longest, performance.now() - start);
    assertEquals([status, body], [200, "us-iso-east-1"]);
  }
  return longest;
}

async function assertLeft(served: Served, before: number): Promise<void> {
  await until(
    "descriptors come back",
    async () => await served.descriptors() <= before + SLACK,
  );
}

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
    await assertLeft(served, before);
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
  "serve answers others while 1,000 heads come byte by byte, and them in the end",
  async () => {
    const count = 1_000;
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address);
    await using crowd = new Crowd(served.address);
    await crowd.connect(count);
    const longest: number[] = [];
    for (const byte of `GET ${REGION} HTTP/1.1\r\nHost: h\r\n\r`) {
      assertEquals(await crowd.send(byte), count);
      if (byte === " ") longest.push(await askOften(served.address));
    }
    assertEquals(await crowd.answers(1), { nothing: count });
    await crowd.send("\n");
    assertEquals(await crowd.answers(PATIENCE_MS), { 200: count });
    figure(
      "1,000 heads byte by byte",
      `others wait ${Math.max(...longest).toFixed(0)} ms at most`,
    );
  },
);

testWith(CROWD_NEEDS)(
  "serve refuses 1,000 bodies that do not come, most of them at once, and answers others meanwhile",
  async () => {
    const count = 1_000;
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address, ["--timeout=3"]);
    await using crowd = new Crowd(served.address);
    await crowd.connect(count);
    const empty = await served.memory();
    const started = performance.now();
    await crowd.send(
      "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na",
    );
    const longest = await askOften(served.address);
    const each = (await served.memory() - empty) / count;
    const { 408: late = 0, 503: refused = 0, ...others } = await crowd.answers(
      PATIENCE_MS,
    );
    assertEquals(others, {});
    // Where the first are late before the last were sent, others take their
    // places.
    assert(late >= MAX_BODIES && refused > 0, `${late} late, ${refused}`);
    assertEquals(late + refused, count);
    const took = performance.now() - started;
    figure(
      "1,000 slow bodies",
      `408 after ${(took / 1000).toFixed(1)} s with --timeout 3, ` +
        `${each.toFixed(1)} KiB each, ` +
        `others wait ${longest.toFixed(0)} ms at most`,
    );
    assert(each < 400, `${each} KiB a body`);
    assertEquals(
      upstream.requests.filter(({ method }) => method === "PUT"),
      [],
    );
  },
);

testWith(CROWD_NEEDS)(
  "serve answers 1,000 requests for tokens that come at one time, however they say that they have no body",
  async () => {
    const count = 1_000;
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address);
    await using crowd = new Crowd(served.address);
    await crowd.connect(count);
    for (const line of ["Content-Length: 0\r\n", ""]) {
      const start = performance.now();
      await crowd.send(
        `PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n${line}\r\n`,
      );
      assertEquals(await crowd.answers(PATIENCE_MS), { 200: count });
      const took = performance.now() - start;
      figure("1,000 requests for tokens", `${took.toFixed(0)} ms`);
    }
  },
);

/** How far clients get before they are gone. */
const BEGINNINGS: Readonly<Record<string, string>> = {
  "before a byte": "",
  "within a head": "GET /latest/ HTTP/1.1\r\nX",
  "within a body": "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
  "before the answer": get("/slow"),
};

for (const [when, beginning] of Object.entries(BEGINNINGS)) {
  testWith(CROWD_NEEDS)(
    `serve gets its descriptors back when 300 clients vanish or close their sending side ${when}`,
    async () => {
      const count = 300;
      const open = Promise.withResolvers<void>();
      await using upstream = await startUpstream(
        async ({ target }, connection) => {
          if (target === "/slow") await open.promise;
          await connection.write(answer("us-east-1"));
        },
      );
      try {
        await using served = await startServed(upstream.address);
        await askOften(served.address);
        const before = await served.descriptors();
        await using crowd = new Crowd(served.address);
        for (const how of ["in order", "with a reset", "half"] as const) {
          await crowd.connect(count);
          assertEquals(await crowd.send(beginning), count);
          if (how === "half") {
            await crowd.half();
            open.resolve();
            const { 400: refused, 200: answered = 0, closed = 0, ...others } =
              await crowd.answers(PATIENCE_MS);
            assertEquals(others, {});
            if (when === "within a body") assertEquals(refused, count);
            // Some may get what was ready before their end was seen.
            else assertEquals(answered + closed, count);
            await crowd.close("in order");
          } else await crowd.close(how);
          await askOften(served.address);
        }
        await until(
          "descriptors come back",
          // A connection to the upstream for each that asked may be kept: 64.
          async () => await served.descriptors() <= before + 64 + SLACK,
        );
        assertEquals(served.program.stderr().match(/ error .*/g), null);
      } finally {
        open.resolve();
      }
    },
  );
}
