import { assertEquals, assertRejects } from "@std/assert";
import { TOKEN_HEADER, TOKEN_TTL_HEADER } from "../../lib/proxy/headers.ts";
import { askMetadata, TOKEN_TARGET } from "../../lib/proxy/metadata_client.ts";
import { defaultTree } from "../../lib/simulator/default_instance.ts";
import { UpstreamError } from "../../lib/proxy/upstream/upstream_error.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { answer, nowhere, startUpstream } from "../helpers/upstream.ts";

const TIMEOUT_MS = 60_000;

function urlOf(address: { readonly port: number }): string {
  return `http://127.0.0.1:${address.port}`;
}

Deno.test("askMetadata() sends target and headers as they are and no more, on a connection of its own", async () => {
  const closed: Promise<void>[] = [];
  await using upstream = await startUpstream((_, connection) => {
    closed.push(connection.closed);
    return connection.write(answer("fine"));
  });
  const question = {
    url: urlOf(upstream.address),
    target: "//a/./b/%2e?c=%zz",
    headers: { "X-Mixed-Case": "1" },
    timeoutMs: TIMEOUT_MS,
  };
  for (const _ of [1, 2]) await askMetadata(question);
  await Promise.all(closed);
  assertEquals(upstream.requests.map((it) => it.connection), [0, 1]);
  assertEquals(upstream.bytes[0]?.split("\r\n").toSorted(), [
    "",
    "",
    "Connection: close",
    "GET //a/./b/%2e?c=%zz HTTP/1.1",
    `Host: ${question.url.slice("http://".length)}`,
    "X-Mixed-Case: 1",
  ]);
});

Deno.test("askMetadata() gets a token by PUT and is let in with it, over IPv6, too", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await using simulator = startSimulator({
      listen: { hostname, port: 0 },
      tree: defaultTree(),
      requireV2: true,
    });
    const { url } = simulator;
    const issued = await askMetadata({
      url,
      method: "PUT",
      target: TOKEN_TARGET,
      headers: { [TOKEN_TTL_HEADER]: "60" },
      timeoutMs: TIMEOUT_MS,
    });
    assertEquals(issued.headers.get(TOKEN_TTL_HEADER), "60");
    const answered = await askMetadata({
      url,
      target: "/latest/meta-data/placement/region",
      headers: { [TOKEN_HEADER]: new TextDecoder().decode(issued.body) },
      timeoutMs: TIMEOUT_MS,
    });
    assertEquals(answered.status, 200);
    assertEquals(new TextDecoder().decode(answered.body), "us-east-1");
  }
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
  assertEquals(headers.get("x-a"), "2");
  assertEquals(body, Uint8Array.of(0xff, 0x00, 0x41));
});

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

Deno.test("askMetadata() says why there is no answer", async () => {
  for (
    const [sent, end, reason] of [
      [undefined, undefined, "no answer within 0.2 s"],
      [`${HEAD}us-`, undefined, "no answer within 0.2 s"],
      [
        answer("x".repeat(1024 * 1024 + 1)),
        undefined,
        "more than 1048576 bytes",
      ],
      ["220 ready\r\n\r\n", undefined, "sent a bad answer: not HTTP/1"],
      ["", "end", ""],
      ["", "reset", ""],
      [`${HEAD}u`, "end", ""],
      [`${HEAD}u`, "reset", ""],
    ] as const
  ) {
    await using upstream = await startUpstream(async (_, connection) => {
      if (sent !== undefined) await connection.write(sent);
      if (end !== undefined) connection[end]();
    });
    const url = urlOf(upstream.address);
    const timeoutMs = reason.startsWith("no answer") ? 200 : TIMEOUT_MS;
    const { cause } = await assertRejects(
      () => askMetadata({ url, target: "/", timeoutMs }),
      Error,
      `Cannot ask ${url}: ${reason}`,
    );
    const isLate = cause instanceof UpstreamError && cause.fault === "late";
    assertEquals(isLate, timeoutMs < TIMEOUT_MS);
  }
});

Deno.test("askMetadata() says why nothing can be sent, and hides no line in what it sends", async () => {
  const closed = urlOf(nowhere());
  const unsent = "a question that cannot be sent";
  const lookup = "cannot be reached: failed to lookup address information";
  for (
    const [url, token, reason] of [
      [closed, "t", "cannot be reached: ECONNREFUSED"],
      // No label is as long, so that no resolver is asked.
      [`http://${"a".repeat(64)}.invalid`, "t", lookup],
      [closed, "t\r\nX-Other: 1", unsent],
      // Its last eight bits are a line feed.
      [closed, "t\u010a", unsent],
    ] as const
  ) {
    const headers = { [TOKEN_HEADER]: token };
    const error = await assertRejects(
      () => askMetadata({ url, target: "/", headers, timeoutMs: TIMEOUT_MS }),
      Error,
      `Cannot ask ${url}: ${reason}`,
    );
    assertEquals(error.cause instanceof Error, true);
  }
});
