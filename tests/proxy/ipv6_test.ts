import { assertEquals, assertMatch } from "@std/assert";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

Deno.test("startProxy() forwards from [::1] to an upstream at [::1], and names it in brackets", async () => {
  const upstream = await startUpstream(
    (_, { write }) => write(answer("us-east-1")),
    { hostname: "::1" },
  );
  await using proxy = await startUnderTest(upstream.address, {
    listen: [{ hostname: "::1", port: 0 }],
  });
  const there = await ask(proxy.address, get("/latest/"));
  assertEquals([there.status, there.body], [200, "us-iso-east-1"]);
  await upstream[Symbol.asyncDispose]();
  const gone = await ask(proxy.address, get("/latest/2"));
  assertEquals(gone.status, 502);
  assertMatch(
    gone.body,
    /http:\/\/\[::1\]:\d+: cannot be reached: ECONNREFUSED/,
  );
});
