import { assertEquals, assertMatch } from "@std/assert";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

Deno.test("startProxy() logs ten lines of 300 requests that the upstream fails, and answers each", async () => {
  await using upstream = await startUpstream(({ target }, connection) =>
    target === "/next" ? connection.write(answer("next")) : connection.reset()
  );
  await using proxy = await startUnderTest(upstream.address, {
    logLevel: "info",
  });
  for (let i = 0; i < 300; i++) {
    const { status, body } = await ask(proxy.address, get(`/${i}`));
    assertEquals(status, 502);
    assertMatch(body, /broke off: /);
  }
  assertEquals((await ask(proxy.address, get("/next"))).body, "next");
  assertEquals(proxy.log.length, 10);
});
