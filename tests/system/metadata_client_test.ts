import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  askMetadata,
  TOKEN_HEADER,
  TOKEN_TARGET,
  TOKEN_TTL_HEADER,
} from "../../lib/system/metadata_client.ts";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const TIMEOUT_MS = 5_000;

function urlOf(address: { readonly port: number }): string {
  return `http://127.0.0.1:${address.port}`;
}

Deno.test("askMetadata() sends target and headers as they are, and no more", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("fine"))
  );
  const url = urlOf(upstream.address);
  await askMetadata({
    url,
    target: "//a/./b/%2e?c=%zz",
    headers: { "X-Mixed-Case": "1" },
    timeoutMs: TIMEOUT_MS,
  });
  assertEquals(
    upstream.bytes[0]?.split("\r\n").toSorted(),
    [
      "",
      "",
      "Connection: close",
      "GET //a/./b/%2e?c=%zz HTTP/1.1",
      `Host: ${url.slice("http://".length)}`,
      "X-Mixed-Case: 1",
    ],
  );
});

Deno.test("askMetadata() uses no connection twice and leaves none open", async () => {
  const closed: Promise<void>[] = [];
  await using upstream = await startUpstream((_, connection) => {
    closed.push(connection.closed);
    return connection.write(answer("fine"));
  });
  const question = {
    url: urlOf(upstream.address),
    target: "/",
    timeoutMs: TIMEOUT_MS,
  };
  await askMetadata(question);
  await askMetadata(question);
  await Promise.all(closed);
  assertEquals(upstream.requests.map((it) => it.connection), [0, 1]);
});

Deno.test("askMetadata() gets a token by PUT and is let in with it", async () => {
  await using simulator = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2: true,
  });
  const { url } = simulator;
  const target = "/latest/meta-data/placement/region";
  const refused = await askMetadata({ url, target, timeoutMs: TIMEOUT_MS });
  assertEquals(refused.status, 401);
  const token = await askMetadata({
    url,
    method: "PUT",
    target: TOKEN_TARGET,
    headers: { [TOKEN_TTL_HEADER]: "60" },
    timeoutMs: TIMEOUT_MS,
  });
  assertEquals(token.headers.get(TOKEN_TTL_HEADER.toLowerCase()), "60");
  const answered = await askMetadata({
    url,
    target,
    headers: { [TOKEN_HEADER]: new TextDecoder().decode(token.body) },
    timeoutMs: TIMEOUT_MS,
  });
  assertEquals(answered.status, 200);
  assertEquals(answered.headers.get("server"), "EC2ws");
  assertEquals(new TextDecoder().decode(answered.body), "us-east-1");
});

Deno.test("askMetadata() asks an IPv6 address", async () => {
  await using simulator = await startSimulator({
    listen: { hostname: "::1", port: 0 },
    tree: await defaultTree(),
    requireV2: false,
  });
  const { status } = await askMetadata({
    url: simulator.url,
    target: "/",
    timeoutMs: TIMEOUT_MS,
  });
  assertEquals(status, 200);
});

Deno.test("askMetadata() hands back the bytes and repeated headers of a chunked answer", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(
      "HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-A: 2\r\n" +
        "Transfer-Encoding: chunked\r\n\r\n2\r\n\xff\x00\r\n1\r\nA\r\n0\r\n\r\n",
    )
  );
  const { status, headers, body } = await askMetadata({
    url: urlOf(upstream.address),
    target: "/",
    timeoutMs: TIMEOUT_MS,
  });
  assertEquals(status, 404);
  assertEquals(headers.get("x-a"), "1, 2");
  assertEquals(body, Uint8Array.of(0xff, 0x00, 0x41));
});

/** What the service sends for an answer, and what is made of it in time. */
const FAULTS: readonly (readonly [
  what: string,
  sent: string | undefined,
  timeoutMs: number,
  reason: RegExp,
])[] = [
  ["is silent", undefined, 200, /: no answer within 0\.2 s$/],
  [
    "pauses in the middle of a body",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nus-",
    200,
    /: no answer within 0\.2 s$/,
  ],
  [
    "goes on for too long",
    answer("x".repeat(1024 * 1024 + 1)),
    TIMEOUT_MS,
    /: an answer of more than 1048576 bytes$/,
  ],
  ["speaks another language", "220 ready\r\n\r\n", TIMEOUT_MS, /: HPE_\w+$/],
];

Deno.test("askMetadata() says why there is no answer", async (t) => {
  for (const [what, sent, timeoutMs, reason] of FAULTS) {
    await t.step(`when the service ${what}`, async () => {
      await using upstream = await startUpstream((_, connection) =>
        sent === undefined ? undefined : connection.write(sent)
      );
      const { message } = await assertRejects(
        () =>
          askMetadata({
            url: urlOf(upstream.address),
            target: "/",
            timeoutMs,
          }),
        Error,
        `Cannot ask ${urlOf(upstream.address)}: `,
      );
      assertMatch(message, reason);
    });
  }
  for (const broken of ["end", "reset"] as const) {
    for (
      const before of ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nu"]
    ) {
      await t.step(
        `when a ${broken} follows ${before.length} bytes`,
        async () => {
          await using upstream = await startUpstream(async (_, connection) => {
            if (before !== "") await connection.write(before);
            connection[broken]();
          });
          await assertRejects(
            () =>
              askMetadata({
                url: urlOf(upstream.address),
                target: "/",
                timeoutMs: TIMEOUT_MS,
              }),
            Error,
            `Cannot ask ${urlOf(upstream.address)}: `,
          );
        },
      );
    }
  }
  await t.step("when nobody listens", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const url = urlOf(listener.addr);
    listener.close();
    const error = await assertRejects(
      () => askMetadata({ url, target: "/", timeoutMs: TIMEOUT_MS }),
      Error,
      `Cannot ask ${url}: ECONNREFUSED`,
    );
    assertEquals(error.cause instanceof Error, true);
  });
  await t.step("when the target cannot be sent", async () => {
    await assertRejects(
      () =>
        askMetadata({
          url: "http://127.0.0.1:9",
          target: "/a b",
          timeoutMs: TIMEOUT_MS,
        }),
      Error,
      "Cannot ask http://127.0.0.1:9: ",
    );
  });
});
