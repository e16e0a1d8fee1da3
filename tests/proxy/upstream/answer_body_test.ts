import { assertEquals, assertRejects } from "@std/assert";
import { Upstream } from "../../../lib/proxy/upstream/upstream.ts";
import { TimeLimit } from "../../../lib/proxy/upstream/time_limit.ts";
import { UpstreamError } from "../../../lib/proxy/upstream/upstream_error.ts";
import { startUpstream } from "../../helpers/upstream.ts";

const REQUEST = {
  method: "GET",
  target: "/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** Asks for an answer that comes in pieces of some bytes. */
async function bodyOf(chunks: string, piece: number): Promise<string> {
  await using server = await startUpstream(async (_, { write }) => {
    const text = HEAD + chunks;
    for (let at = 0; at < text.length; at += piece) {
      await write(text.slice(at, at + piece));
    }
  });
  const upstream = new Upstream(server.address);
  using limit = new TimeLimit(5_000);
  try {
    const { body } = await upstream.send(REQUEST, limit);
    let text = "";
    for (;;) {
      const bytes = await body.read();
      if (bytes === undefined) return text;
      text += new TextDecoder().decode(bytes);
    }
  } finally {
    upstream.close();
  }
}

Deno.test("AnswerBody.read() puts chunks together wherever they are cut", async () => {
  const chunks =
    '5\r\nus-ea\r\n4;name=value;a;b="c;\\"d"\r\nst-1\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';
  for (const piece of [1, 2, 3, 7, 1_000]) {
    assertEquals(await bodyOf(chunks, piece), "us-east-10123456789");
  }
});

Deno.test("AnswerBody.read() refuses chunks that are none", async () => {
  const bad = [
    "x\r\n",
    "\r\n",
    "-1\r\n",
    "0x5\r\nus-ea\r\n",
    "5\nus-ea\r\n",
    "5 \r\nus-ea\r\n0\r\n\r\n",
    "5;\r\nus-ea\r\n0\r\n\r\n",
    "5; a\r\nus-ea\r\n0\r\n\r\n",
    '5;a="\r"\r\nus-ea\r\n0\r\n\r\n',
    "0\r\nno colon\r\n\r\n",
    "0\r\nX: a\x01b\r\n\r\n",
    "0\r\n folded: x\r\n\r\n",
    "0\r\nContent-Length: 3\r\n\r\n",
    "0\r\ntransfer-encoding: chunked\r\n\r\n",
    "5\r\nus-east-1\r\n0\r\n\r\n",
    `${"1".repeat(20)}\r\n`,
    `5;${"x".repeat(5_000)}\r\nus-ea\r\n0\r\n\r\n`,
    `0\r\n${"X-T: 1\r\n".repeat(1_000)}\r\n`,
  ];
  for (const chunks of bad) {
    for (const piece of [700, 1_000_000]) {
      await assertRejects(
        () => bodyOf(chunks, piece),
        UpstreamError,
        "bad answer",
      );
    }
  }
});

Deno.test("AnswerBody.read() never tells the end when the body was given up", async () => {
  await using server = await startUpstream(async (_, { write }) => {
    await write(HEAD + "5\r\nus-ea\r\n");
  });
  const upstream = new Upstream(server.address);
  using limit = new TimeLimit(5_000);
  try {
    const { body } = await upstream.send(REQUEST, limit);
    assertEquals((await body.read())?.length, 5);
    body.destroy();
    for (const _ of [1, 2]) {
      await assertRejects(() => body.read(), UpstreamError, "broke off");
    }
  } finally {
    upstream.close();
  }
});
