import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { figure } from "./figures.ts";
import { startServed } from "./served.ts";

/** How long lib/proxy/body.ts waits for a client, in milliseconds. */
const CLIENT_STALL_MS = 60_000;

const CHUNK = new Uint8Array(64 * 1024).fill(0x78);
const CHUNKS = 1_024;

/** `/large` is answered with 64 MiB, everything else with its target. */
function startLarge() {
  return startUpstream(async ({ target }, connection) => {
    if (target !== "/large") return await connection.write(answer(target));
    const length = CHUNKS * CHUNK.length;
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`,
    );
    for (let i = 0; i < CHUNKS; i++) {
      if (!await connection.write(CHUNK)) break;
    }
    return undefined;
  });
}

/** Lets that one wait be over at once; the others stay as they are. */
function shortenStall(): Disposable {
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout =
    ((act: () => void, ms: number) =>
      real(act, ms === CLIENT_STALL_MS ? 300 : ms)) as typeof real;
  return {
    [Symbol.dispose]: () => {
      globalThis.setTimeout = real;
    },
  };
}

Deno.test("startProxy() drops a client that stops reading a large body, and its upstream connection", async () => {
  using _ = shortenStall();
  await using upstream = await startLarge();
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 400,
  });
  using client = await RawClient.connect(proxy.address);
  await client.send(get("/large"));
  await client.readSome();
  await until("it is dropped", () => Promise.resolve(upstream.open === 0));
  assertEquals(proxy.warnings.length, 1);
  assertMatch(proxy.warnings[0] ?? "", /the client stopped reading/);
  assertEquals((await ask(proxy.address, get("/next"))).body, "/next");
});

Deno.test("serve keeps its memory and answers others while 100 clients leave 64 MiB each unread", async () => {
  await using upstream = await startLarge();
  await using served = await startServed(upstream.address);
  const clients: RawClient[] = [];
  try {
    await ask(served.address, get("/next"));
    const before = await served.memory();
    while (clients.length < 100) {
      const client = await RawClient.connect(served.address);
      clients.push(client);
      await client.send(get("/large"));
      await client.readSome();
    }
    for (let i = 0; i < 20; i++) {
      assertEquals((await ask(served.address, get("/next"))).body, "/next");
    }
    const grown = await served.memory() - before;
    figure(
      "100 clients that do not read",
      `${(grown / 100).toFixed(0)} KiB each`,
    );
    assert(grown < 100 * 1024, `${grown} KiB more`);
  } finally {
    for (const client of clients) client.close();
  }
  await until("it lets go", () => Promise.resolve(upstream.open <= 1));
  assertEquals((await served.program.stop()).code, 0);
});
