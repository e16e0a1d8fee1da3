import type { UpstreamAddress } from "../../../lib/config/serve_config.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { UpstreamSource } from "../../../lib/proxy/upstream/upstream.ts";
import { stopClock } from "../../helpers/clock.ts";
import { ask, get } from "../../helpers/raw.ts";
import { answer, nowhere, startUpstream } from "../../helpers/upstream.ts";
import { startUnderTest } from "../under_test.ts";

/** Says in turn what it is given, the last one for ever. */
class FakeSource implements UpstreamSource {
  readonly failures: UpstreamAddress[] = [];
  readonly #answers: (UpstreamAddress | string)[];
  /** How long it was given each time, in milliseconds. */
  readonly given: number[] = [];
  asked = 0;
  closed = false;

  constructor(...answers: (UpstreamAddress | string)[]) {
    this.#answers = answers;
  }

  current(timeoutMs: number): Promise<UpstreamAddress> {
    this.given.push(timeoutMs);
    const at = Math.min(this.asked++, this.#answers.length - 1);
    const next = this.#answers[at] ?? "nothing";
    return typeof next === "string"
      ? Promise.reject(new Error(next))
      : Promise.resolve(next);
  }

  failed(address: UpstreamAddress): void {
    this.failures.push(address);
  }

  close(): void {
    this.closed = true;
  }
}

/** A proxy whose upstream moves. */
function startMoving(source: UpstreamSource, timeoutMs = 60_000) {
  const upstream = { hostname: "data-server", port: 80 };
  const given = { timeoutMs, cacheMs: 0 };
  return startUnderTest(upstream, given, undefined, source);
}

Deno.test("startProxy() asks again where a moving upstream has gone", async () => {
  await using upstream = await startUpstream((_, { write }) =>
    write(answer("found"))
  );
  const gone = nowhere();
  const source = new FakeSource(gone, gone, upstream.address);
  await using proxy = await startMoving(source);
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals([status, body], [200, "found"]);
  assertEquals(source.failures, [gone, gone]);
  assertEquals(proxy.warnings, []);
});

Deno.test("startProxy() tries a moving upstream three times within one limit, and says where it looked", async () => {
  const gone = nowhere();
  const source = new FakeSource(gone);
  await using proxy = await startMoving(source);
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /http:\/\/data-server: cannot be reached: ECONNREFUSED/);
  assertEquals(source.failures, [gone, gone, gone]);
  const [first = 0, second = 0, third = 0] = source.given;
  // The pauses between them are 100 and 400 ms.
  assert(first <= 60_000, `${first}`);
  assert(second <= first - 100, `${second} after ${first}`);
  assert(third <= second - 400, `${third} after ${second}`);
});

Deno.test("startProxy() tries no longer than the timeout", async () => {
  using _clock = await stopClock();
  const source = new FakeSource(nowhere());
  await using proxy = await startMoving(source, 100);
  assertEquals((await ask(proxy.address, get("/latest/"))).status, 502);
  assertEquals(source.failures.length, 1);
});

Deno.test("startProxy() answers 502 with the reason while no upstream is known, and closes the source", async () => {
  const source = new FakeSource("Cannot find the virtual router");
  {
    await using proxy = await startMoving(source);
    const { status, body } = await ask(proxy.address, get("/latest/"));
    assertEquals(status, 502);
    assertMatch(body, /: Cannot find the virtual router\n$/);
    assertEquals([source.failures, source.closed], [[], false]);
  }
  assertEquals(source.closed, true);
});

Deno.test("startProxy() reports a moving upstream that is silent, keeps to one that breaks off, and asks it once", async () => {
  for (const [isSilent, status] of [[true, 504], [false, 502]] as const) {
    using clock = await stopClock();
    await using upstream = await startUpstream((_, connection) => {
      if (isSilent) clock.advance(200);
      else connection.reset();
    });
    const source = new FakeSource(upstream.address);
    await using proxy = await startMoving(source, isSilent ? 200 : 60_000);
    const got = await ask(proxy.address, get("/latest/"));
    assertEquals(got.status, status);
    assertEquals(source.failures, isSilent ? [upstream.address] : []);
    assertEquals(upstream.requests.length, 1);
  }
});
