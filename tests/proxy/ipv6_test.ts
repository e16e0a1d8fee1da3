import { assertEquals, assertMatch } from "@std/assert";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

const LISTEN = [{ hostname: "::1", port: 0 }];

Deno.test("startProxy() forwards from [::1] to an upstream at [::1]", async () => {
  await using upstream = await startUpstream(
    (_, { write }) => write(answer("us-east-1")),
    { hostname: "::1" },
  );
  await using proxy = await startUnderTest(upstream.address, {
    listen: LISTEN,
  });
  assertEquals(proxy.address.hostname, "::1");
  for (let i = 0; i < 2; i++) {
    const { status, body } = await ask(proxy.address, get(`/latest/${i}`));
    assertEquals([status, body], [200, "us-iso-east-1"]);
  }
  assertEquals(upstream.requests.length, 2);
  assertEquals(proxy.warnings, []);
});

Deno.test("startProxy() names an IPv6 upstream in brackets where it cannot be reached", async () => {
  await using proxy = await startUnderTest({ hostname: "::1", port: 9 });
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 502);
  assertMatch(body, /http:\/\/\[::1\]:9: cannot be reached: ECONNREFUSED/);
});

Deno.test("startProxy() answers 508 when it is its own upstream at [::1]", async () => {
  const free = Deno.listen({ hostname: "::1", port: 0 });
  const { hostname, port } = free.addr;
  free.close();
  const address = { hostname, port };
  await using proxy = await startUnderTest(address, { listen: [address] });
  const { status, body } = await ask(proxy.address, get("/latest/"));
  assertEquals(status, 508);
  assertMatch(body, /^c2s-imds: Loop detected: /);
});
