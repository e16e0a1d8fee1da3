import { assertEquals, assertRejects } from "@std/assert";
import { compareAnswers } from "../../lib/demo/comparison.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const QUESTION = { directory: "/latest/", path: "x" };

Deno.test("compareAnswers() asks each way with the token of that way", async () => {
  const start = (token: string) =>
    startUpstream(({ method }, connection) =>
      connection.write(answer(method === "PUT" ? token : "same"))
    );
  await using real = await start("token-1");
  await using through = await start("token-2");
  const [comparison] = await compareAnswers([QUESTION], {
    real: `http://127.0.0.1:${real.address.port}`,
    through: `http://127.0.0.1:${through.address.port}`,
  });
  assertEquals(comparison?.changed, false);
  for (
    const [{ requests }, token] of [
      [real, "token-1"],
      [through, "token-2"],
    ] as const
  ) {
    assertEquals(
      requests.map(({ method, target, headers }) => [
        method,
        target,
        headers.find(([name]) => /-token$/.test(name))?.[1],
      ]),
      [["PUT", "/latest/api/token", undefined], ["GET", "/latest/x", token]],
    );
  }
});

Deno.test("compareAnswers() says which of the two gives no token", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("", [], "403 Forbidden"))
  );
  const url = `http://127.0.0.1:${upstream.address.port}`;
  await assertRejects(
    () => compareAnswers([], { real: url, through: url }),
    Error,
    `Cannot get a token from ${url}: status 403`,
  );
});
