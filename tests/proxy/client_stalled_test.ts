import { assertEquals, assertRejects } from "@std/assert";
import { faster } from "../helpers/faster.ts";
import { until } from "../helpers/node.ts";
import { get, RawClient } from "../helpers/raw.ts";
import { startStage } from "./under_test.ts";

/** More than a connection takes while nobody reads. */
const LENGTH = 64 * 1024 * 1024;
const CHUNK = new Uint8Array(64 * 1024).fill(0x78);

/** What is to happen in a minute happens in a tenth of a second. */
const TIMES = 600;

/** No part in it: a minute of the test's own. */
const TIMEOUT_MS = 36_000_000;

Deno.test("startProxy() drops a client that stops reading, and blames nobody", async () => {
  using _clock = await faster(TIMES);
  await using it = await startStage(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`,
    );
    for (let sent = 0; sent < LENGTH; sent += CHUNK.length) {
      if (!await connection.write(CHUNK)) return;
    }
  }, { timeoutMs: TIMEOUT_MS });
  using client = await RawClient.connect(it.proxy.address);
  await client.send(get("/large?secret"));
  await client.readSome();
  const lines = () => it.proxy.log.filter((line) => /stopped/.test(line));
  await until(
    "it is dropped",
    () => lines().length > 0 && it.upstream.open === 0,
  );
  assertEquals(it.proxy.warnings, []);
  assertEquals(lines().map((line) => line.replace(/^\S+ /, "")), [
    "debug dropped a client that stopped reading method=GET target=/large\n",
  ]);
  // What the kernels hold still comes, the rest never does.
  await assertRejects(() => client.answer(), Error);
});
