import { assertEquals, assertRejects } from "@std/assert";
import { Meters } from "../../lib/system/meters.ts";
import { stopClock } from "../helpers/clock.ts";
import { until } from "../helpers/node.ts";
import { get, RawClient } from "../helpers/raw.ts";
import { startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

/** More than a connection takes while nobody reads. */
const LENGTH = 64 * 1024 * 1024;
const CHUNK = new Uint8Array(64 * 1024).fill(0x78);

Deno.test("startProxy() drops a client that stops reading, and blames nobody", async () => {
  using clock = await stopClock();
  const meters = new Meters();
  await using upstream = await startUpstream(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`,
    );
    for (let sent = 0; sent < LENGTH; sent += CHUNK.length) {
      if (!await connection.write(CHUNK)) return;
    }
  });
  const given = { timeoutMs: 36_000_000 };
  await using proxy = await startUnderTest(upstream.address, given, meters);
  using client = await RawClient.connect(proxy.address);
  await client.send(get("/large?secret"));
  await client.readSome();
  const lines = () => proxy.log.filter((line) => / dropped /.test(line));
  await until("it is dropped", () => {
    clock.advance(60_000);
    return lines().length > 0 && upstream.open === 0;
  });
  assertEquals(proxy.warnings, []);
  assertEquals([...meters.faults.counts.values()], [0, 0, 0]);
  assertEquals(lines().map((line) => line.replace(/^\S+ /, "")), [
    "debug dropped a client that stopped reading method=GET target=/large\n",
  ]);
  // What the kernels hold still comes, the rest never does.
  await assertRejects(() => client.answer(), Error);
});
