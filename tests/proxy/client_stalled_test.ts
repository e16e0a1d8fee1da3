import { assert, assertEquals, assertRejects } from "@std/assert";
import { faster } from "../helpers/faster.ts";
import { until } from "../helpers/node.ts";
import { get, RawClient } from "../helpers/raw.ts";
import { startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

/** More than a connection takes while nobody reads. */
const LENGTH = 64 * 1024 * 1024;
const CHUNK = new Uint8Array(64 * 1024).fill(0x78);

/** What is to happen in a minute happens in a tenth of a second. */
const TIMES = 600;

/** No part in it: a minute of the test's own. */
const TIMEOUT_MS = 36_000_000;

for (const cacheMs of [0, 1_000]) {
  Deno.test(`startProxy() drops a client that stops reading, and blames nobody, when it caches for ${cacheMs} ms`, async () => {
    using _clock = await faster(TIMES);
    await using upstream = await startUpstream(async (_, connection) => {
      await connection.write(
        `HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`,
      );
      for (let sent = 0; sent < LENGTH; sent += CHUNK.length) {
        if (!await connection.write(CHUNK)) return;
      }
    });
    await using proxy = await startUnderTest(upstream.address, {
      timeoutMs: TIMEOUT_MS,
      cacheMs,
    });
    using client = await RawClient.connect(proxy.address);
    await client.send(get("/large?secret"));
    await client.readSome();
    const lines = () => proxy.log.filter((line) => /stopped/.test(line));
    await until(
      "it is dropped",
      () => lines().length > 0 && upstream.open === 0,
    );
    assertEquals(proxy.warnings, []);
    assertEquals(lines().map((line) => line.replace(/^\S+ /, "")), [
      "debug dropped a client that stopped reading method=GET target=/large\n",
    ]);
    // What the kernels hold still comes, the rest never does.
    await assertRejects(() => client.answer(), Error);
    assert(upstream.requests.length === 1);
  });
}
