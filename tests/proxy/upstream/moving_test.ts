import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLog } from "../../../lib/system/log.ts";
import { startProxy } from "../../../lib/proxy/proxy.ts";
import type { UpstreamSource } from "../../../lib/proxy/upstream/upstream.ts";
import { ask, get } from "../../helpers/raw.ts";
import { answer, startUpstream } from "../../helpers/upstream.ts";
import { NO_REGIONS } from "../under_test.ts";

type Address = { readonly hostname: string; readonly port: number };

/** Says in turn what it is given, the last one for ever. */
class FakeSource implements UpstreamSource {
  readonly failures: Address[] = [];
  readonly #answers: (Address | string)[];
  /** How long it was given each time, in milliseconds. */
  readonly given: number[] = [];
  asked = 0;
  closed = false;

  constructor(...answers: (Address | string)[]) {
    this.#answers = answers;
  }

  current(timeoutMs: number): Promise<Address> {
    this.given.push(timeoutMs);
    const at = Math.min(this.asked++, this.#answers.length - 1);
    const next = this.#answers[at] ?? "nothing";
    return typeof next === "string"
      ? Promise.reject(new Error(next))
      : Promise.resolve(next);
  }

  failed(address: Address): void {
    this.failures.push(address);
  }

  close(): void {
    this.closed = true;
  }
}

async function startMoving(source: UpstreamSource, timeoutMs = 2_000) {
  const log: string[] = [];
  const proxy = await startProxy(
    {
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      listenAnywhere: false,
      upstream: { hostname: "data-server", port: 80 },
      discover: { interface: "eth0" },
      regions: NO_REGIONS,
      rewrite: "safe",
      timeoutMs,
      cacheMs: 0,
      logLevel: "info",
      logFormat: "text",
    },
    createLog({
      level: "info",
      format: "text",
      write: (line) => log.push(line),
    }),
    source,
  );
  return {
    address: proxy.addresses[0] as Deno.NetAddr,
    log,
    [Symbol.asyncDispose]: async () => await proxy.shutdown(),
  };
}

/** An address where nobody listens. */
function nowhere(): Address {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  return { hostname, port };
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
  assertEquals(upstream.requests.length, 1);
  assertEquals(proxy.log, []);
});

Deno.test("startProxy() tries a moving upstream three times and says where it looked", async () => {
  const gone = nowhere();
  const source = new FakeSource(gone);
  await using proxy = await startMoving(source);
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /http:\/\/data-server: cannot be reached: ECONNREFUSED/);
  assertEquals(source.failures, [gone, gone, gone]);
});

Deno.test("startProxy() gives all tries of a moving upstream one time limit", async () => {
  const source = new FakeSource(nowhere());
  await using proxy = await startMoving(source);
  await ask(proxy.address, get("/latest/"));
  const [first = 0, second = 0, third = 0] = source.given;
  // The pauses between them are 100 and 400 ms.
  assert(first <= 2_000, `${first}`);
  assert(second <= first - 100, `${second} after ${first}`);
  assert(third <= second - 400, `${third} after ${second}`);
});

Deno.test("startProxy() tries no longer than the timeout", async () => {
  const source = new FakeSource(nowhere());
  await using proxy = await startMoving(source, 250);
  const started = performance.now();
  assertEquals((await ask(proxy.address, get("/latest/"))).status, 502);
  assert(performance.now() - started < 1_500);
  assertEquals(source.failures.length, 2);
});

Deno.test("startProxy() answers 502 with the reason while no upstream is known", async () => {
  const source = new FakeSource("Cannot find the virtual router");
  await using proxy = await startMoving(source);
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /: Cannot find the virtual router\n$/);
  assertEquals(source.failures, []);
});

Deno.test("startProxy() reports a moving upstream that is silent, and asks it once", async () => {
  await using upstream = await startUpstream(() => {});
  const source = new FakeSource(upstream.address);
  await using proxy = await startMoving(source, 200);
  assertEquals((await ask(proxy.address, get("/latest/"))).status, 504);
  assertEquals(source.failures, [upstream.address]);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("startProxy() keeps to a moving upstream that breaks off", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.reset()
  );
  const source = new FakeSource(upstream.address);
  await using proxy = await startMoving(source);
  assertEquals((await ask(proxy.address, get("/latest/"))).status, 502);
  assertEquals(source.failures, []);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("shutdown() closes the source", async () => {
  const source = new FakeSource("nothing");
  {
    await using _ = await startMoving(source);
    assertEquals(source.closed, false);
  }
  assertEquals(source.closed, true);
});
