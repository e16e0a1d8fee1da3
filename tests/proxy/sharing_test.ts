import { assertEquals } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

const TARGET = "/latest/meta-data/placement/availability-zone";

/** Enough for what was sent on loopback to have come in. */
function comeIn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

/** Clients that have asked, and have no answer yet. */
async function asking(
  address: Deno.NetAddr,
  count: number,
): Promise<RawClient[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => RawClient.connect(address)),
  );
  for (const client of clients) await client.send(get(TARGET));
  await comeIn();
  return clients;
}

const GOES: ReadonlyArray<readonly [who: string, place: number]> = [
  ["who asked first", 0],
  ["among those who wait", 2],
];

for (const [who, place] of GOES) {
  Deno.test(`startProxy() answers all others when the client goes away ${who}`, async () => {
    const released = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async (_, connection) => {
      await released.promise;
      await connection.write(answer("us-east-1a"));
    });
    await using proxy = await startUnderTest(upstream.address, {
      cacheMs: 1_000,
    });
    const [first] = await asking(proxy.address, 1);
    const clients = [first, ...await asking(proxy.address, 4)];
    clients[place]?.close();
    await comeIn();
    released.resolve();
    for (const client of clients.toSpliced(place, 1)) {
      const { status, body } = await client?.answer() ?? {};
      assertEquals([status, body], [200, "us-iso-east-1a"]);
      client?.close();
    }
    assertEquals(upstream.requests.length, 1);
  });
}

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
