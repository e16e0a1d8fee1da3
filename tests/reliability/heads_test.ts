import { assertEquals } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

/** All a head may have, in bytes; `Deno.serve` sets it. */
const HEAD_BYTES = 64 * 1024;

/** All fields a head may have; `Deno.serve` sets it. */
const HEAD_FIELDS = 127;

function fields(count: number): string {
  // Host is one of them.
  return get("/", ...Array.from({ length: count - 1 }, (_, i) => `X${i}: y`));
}

function sized(bytes: number): string {
  return get("/", `X: ${"x".repeat(bytes - get("/", "X: ").length)}`);
}

const MEGABYTE = "x".repeat(1_000_000);

const HEADS: ReadonlyArray<readonly [string, string, number]> = [
  ["as many fields as may be", fields(HEAD_FIELDS), 200],
  ["200 fields", fields(200), 400],
  ["5,000 fields", fields(5_000), 400],
  ["a head of 63 KiB", sized(HEAD_BYTES - 1_024), 200],
  ["a head of 65 KiB", sized(HEAD_BYTES + 1_024), 400],
  ["a value of 1 MB", get("/", `X: ${MEGABYTE}`), 400],
  ["a name of 1 MB", get("/", `${MEGABYTE}: y`), 400],
  ["a target of 1 MB", get(`/${MEGABYTE}`), 400],
  ["a method of 1 MB", `${MEGABYTE} / HTTP/1.1\r\n\r\n`, 400],
  ["a version of 1 MB", `GET / HTTP/1.1${MEGABYTE}\r\n\r\n`, 400],
  ["1 MB of empty lines", "\r\n".repeat(500_000), 400],
  ["1 MB of spaces", `GET /${" ".repeat(1_000_000)}HTTP/1.1\r\n\r\n`, 400],
  ["1 MB of zeros", "\0".repeat(1_000_000), 400],
];

Deno.test("startProxy() takes heads up to its limits, and answers 400 over them", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("ok"))
  );
  await using proxy = await startUnderTest(upstream.address);
  for (const [name, head, status] of HEADS) {
    const before = upstream.requests.length;
    using client = await RawClient.connect(proxy.address);
    // It closes before it has read all of it.
    client.send(head).catch(() => {});
    assertEquals((await client.answer()).status, status, name);
    assertEquals(upstream.requests.length - before, status === 200 ? 1 : 0);
  }
  assertEquals(proxy.warnings, []);
});

Deno.test("startProxy() takes heads of answers up to 64 KiB, and answers 502 over it", async () => {
  let head: readonly string[] = [];
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("ok", head))
  );
  // What it answers changes from one request to the next.
  await using proxy = await startUnderTest(upstream.address, { cacheMs: 0 });
  const heads: ReadonlyArray<readonly [readonly string[], number]> = [
    [Array.from({ length: 5_000 }, (_, i) => `X${i}: y`), 200],
    [Array(10_000).fill("X: y"), 200],
    [[`X: ${"x".repeat(65_000)}`], 200],
    [Array(100_000).fill("X: y"), 502],
    [[`X: ${"x".repeat(200_000)}`], 502],
  ];
  for (const [fields, status] of heads) {
    head = fields;
    assertEquals((await ask(proxy.address, get("/"))).status, status);
    head = [];
    assertEquals((await ask(proxy.address, get("/"))).body, "ok");
  }
});
