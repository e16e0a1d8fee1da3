import { assertEquals } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

Deno.test("startProxy() never answers from memory under a token that was refused for credentials", async () => {
  let isRefused = false;
  await using upstream = await startUpstream((_, connection) =>
    connection.write(
      isRefused ? answer("", [], "401 Unauthorized") : answer("i-1"),
    )
  );
  await using proxy = await startUnderTest(upstream.address, {
    cacheMs: 60_000,
  });
  using client = await RawClient.connect(proxy.address);
  const statusOf = async (target: string) => {
    await client.send(get(target, "X-aws-ec2-metadata-token: t"));
    return (await client.answer()).status;
  };
  assertEquals(await statusOf("/latest/meta-data/instance-id"), 200);
  isRefused = true;
  assertEquals(await statusOf("/latest/meta-data/instance-id"), 200);
  assertEquals(
    await statusOf("/latest/meta-data/iam/security-credentials/r"),
    401,
  );
  assertEquals(await statusOf("/latest/meta-data/instance-id"), 401);
});
