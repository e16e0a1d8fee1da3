import { assert, assertEquals, assertRejects } from "@std/assert";
import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import { ToldSource } from "../../lib/supervisor/told_source.ts";

const FIRST = { hostname: "10.1.1.1", port: 80 };
const SECOND = { hostname: "10.1.1.2", port: 80 };

function create() {
  const asked: UpstreamAddress[] = [];
  return { asked, source: new ToldSource((address) => asked.push(address)) };
}

Deno.test("ToldSource.current() waits for the first news", async () => {
  const { source } = create();
  const current = source.current(5_000);
  source.tell({ address: FIRST });
  assertEquals(await current, FIRST);
  assertEquals(await source.current(0), FIRST);
});

Deno.test("ToldSource.current() rejects when nothing is said in time", async () => {
  const { source } = create();
  await assertRejects(() => source.current(1), Error, "not been found yet");
});

Deno.test("ToldSource.current() rejects with the parent's reason", async () => {
  const { source } = create();
  source.tell({ reason: "no lease is there" });
  await assertRejects(() => source.current(5_000), Error, "no lease is there");
});

Deno.test("ToldSource.failed() asks once and waits for the answer", async () => {
  const { source, asked } = create();
  source.tell({ address: FIRST });
  source.failed(FIRST);
  source.failed(FIRST);
  assertEquals(asked, [FIRST]);
  const current = source.current(5_000);
  source.tell({ address: SECOND });
  assertEquals(await current, SECOND);
});

Deno.test("ToldSource.failed() ignores what is not the address any more", () => {
  const { source, asked } = create();
  source.failed(FIRST);
  source.tell({ reason: "no lease is there" });
  source.failed(FIRST);
  source.tell({ address: SECOND });
  source.failed(FIRST);
  assertEquals(asked, []);
});

Deno.test("ToldSource.current() keeps to the last news while the parent is silent", async () => {
  const { source } = create();
  source.tell({ address: FIRST });
  source.failed(FIRST);
  assertEquals(await source.current(20), FIRST);
  const started = performance.now();
  assertEquals(await source.current(60_000), FIRST);
  assert(performance.now() - started < 5_000);
});

Deno.test("ToldSource.close() ends a wait", async () => {
  const { source } = create();
  const current = source.current(60_000);
  source.close();
  await assertRejects(() => current, Error, "not been found yet");
});
