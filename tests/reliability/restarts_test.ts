import { assert, assertEquals } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { figure } from "./figures.ts";

/** A request and what became of it, on the clock of `performance`. */
interface Asked {
  readonly from: number;
  readonly to: number;
  readonly status: number;
  readonly body: string;
}

/** The time in which an upstream was not there. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

const ROUNDS = 5;
const CLIENTS = 16;

/** How long the upstream stays away and there, in milliseconds. */
const AWAY_MS = 60;
const THERE_MS = 250;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function askAlways(
  address: Deno.NetAddr,
  name: string,
  going: () => boolean,
): Promise<Asked[]> {
  const asked: Asked[] = [];
  using client = await RawClient.connect(address);
  while (going()) {
    const from = performance.now();
    await client.send(get(`/${name}/${asked.length}`));
    const { status, body } = await client.answer();
    const to = performance.now();
    if (status === 200) assertEquals(body, `/${name}/${asked.length}`);
    asked.push({ from, to, status, body });
  }
  return asked;
}

function overlaps({ from, to }: Asked, gaps: readonly Gap[]): boolean {
  return gaps.some((gap) => from <= gap.to && to >= gap.from);
}

Deno.test("startProxy() loses no request to restarts of the upstream but those in flight at that moment", async () => {
  const start = (port?: number): Promise<RawUpstream> =>
    startUpstream(async ({ target }, connection) => {
      await pause(5);
      await connection.write(answer(target));
    }, port === undefined ? {} : { port });
  let upstream = await start();
  const { port } = upstream.address;
  await using proxy = await startUnderTest(upstream.address);
  let going = true;
  const clients = Array.from(
    { length: CLIENTS },
    // Every two ask for the same, so that answers are shared, too.
    (_, i) => askAlways(proxy.address, `${i >> 1}`, () => going),
  );
  // A wrong answer is told at the end.
  const all = Promise.all(clients);
  all.catch(() => {});
  const gaps: Gap[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await pause(THERE_MS);
      const from = performance.now();
      await upstream[Symbol.asyncDispose]();
      await pause(AWAY_MS);
      upstream = await start(port);
      gaps.push({ from, to: performance.now() });
    }
    await pause(THERE_MS);
  } finally {
    going = false;
  }
  const asked = (await all).flat();
  await upstream[Symbol.asyncDispose]();

  const failed = asked.filter(({ status }) => status !== 200);
  const elsewhere = failed.filter((it) => !overlaps(it, gaps));
  assertEquals(elsewhere, []);
  const last = gaps.at(-1)?.to ?? 0;
  const after = asked.filter(({ from }) => from > last);
  assert(after.length >= CLIENTS);
  assertEquals(after.filter(({ status }) => status !== 200), []);
  // All that failed were told so, in time.
  for (const { status, from, to } of failed) {
    assertEquals(status, 502);
    assert(to - from < 2_000);
  }
  figure(
    "restarts of the upstream",
    `${asked.length} requests, ${failed.length} of them 502 in ${ROUNDS} ` +
      `gaps of ${AWAY_MS} ms, 0 outside, 0 of ${after.length} afterwards`,
  );
});
