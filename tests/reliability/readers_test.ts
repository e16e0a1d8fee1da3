import { assert, assertEquals } from "@std/assert";
import { until } from "../helpers/node.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { figure } from "./figures.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { startServed } from "./served.ts";

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
  await until("it lets go", () => upstream.open <= 1);
  assertEquals((await served.program.stop()).code, 0);
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
