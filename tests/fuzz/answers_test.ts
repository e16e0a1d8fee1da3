import { assertEquals } from "@std/assert";
import { Upstream } from "../../lib/proxy/upstream/upstream.ts";
import { TimeLimit } from "../../lib/proxy/upstream/time_limit.ts";
import { UpstreamError } from "../../lib/proxy/upstream/upstream_error.ts";
import { fuzzAnswers } from "./answer_fuzzer.ts";
import { askByNode } from "./node_client.ts";
import { startScripted } from "./scripted_server.ts";
import { seeds } from "./settings.ts";

Deno.test("Upstream.send() understands answers as node:http does, or refuses them", async () => {
  await fuzzAnswers(seeds(1 / 4, 0, 10_000));
});

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** What `node:http` takes for answers, and we do not. */
const REFUSED: ReadonlyArray<readonly [what: string, answer: string]> = [
  ["status 099", "HTTP/1.1 099 OK\r\n\r\nx"],
  ["status 101", "HTTP/1.1 101 Switching\r\n\r\n"],
  ["status 205", "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"],
  ["status 600", "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\nx"],
  ["HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\nx"],
  ["ICE", "ICE/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"],
  ["an empty line before", `\r\n${OK}Content-Length: 1\r\n\r\nx`],
  ["a control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\nx"],
  ["two codings", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["another coding", `${OK}Transfer-Encoding: gzip\r\n\r\nx`],
  ["an empty coding", `${OK}Transfer-Encoding:\r\n\r\nx`],
  ["a head over 64 KiB", `${OK}X: ${"x".repeat(90_000)}\r\n\r\nx`],
  ["a long extension", `${CHUNKED}1;${"x".repeat(5_000)}\r\nx\r\n0\r\n\r\n`],
  ["an empty extension", `${CHUNKED}1;a=\r\nx\r\n0\r\n\r\n`],
  ["a size of 13 digits", `${CHUNKED}0000000000001\r\nx\r\n0\r\n\r\n`],
  ["a long trailer", `${CHUNKED}0\r\nX: ${"x".repeat(5_000)}\r\n\r\n`],
  ["a coding behind", `${CHUNKED}0\r\nTransfer-Encoding: chunked\r\n\r\n`],
];

async function refusal(upstream: Upstream): Promise<unknown> {
  const request = { method: "GET", target: "/", headers: [] } as const;
  using limit = new TimeLimit(5_000);
  try {
    const { body } = await upstream.send(
      { ...request, body: undefined },
      limit,
    );
    return await body.start(1 << 20);
  } catch (error) {
    return error;
  }
}

Deno.test("Upstream.send() refuses these answers that node:http takes", async () => {
  let pieces: readonly string[] = [];
  await using server = startScripted(() => ({
    pieces,
    ends: true,
    spoils: true,
  }));
  const upstream = new Upstream(server.address);
  try {
    for (const [what, answer] of REFUSED) {
      pieces = [answer];
      const node = await askByNode(server.address, "GET", "/", 5_000);
      assertEquals(typeof node, "object", `node:http takes ${what}`);
      const refused = await refusal(upstream);
      assertEquals(refused instanceof UpstreamError, true, `refuses ${what}`);
    }
    assertEquals(server.reused, []);
  } finally {
    upstream.close();
  }
});
