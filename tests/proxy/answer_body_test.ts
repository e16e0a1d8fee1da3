import { assertEquals, assertRejects } from "@std/assert";
import { Upstream } from "../../lib/proxy/upstream.ts";
import { UpstreamError } from "../../lib/proxy/upstream_error.ts";
import { type RawUpstream, startUpstream } from "../helpers/upstream.ts";

const REQUEST = {
  method: "GET",
  target: "/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** Asks over a kept connection, the answer cut into pieces of some bytes. */
async function bodies(
  chunks: string,
  piece: number,
  times: number,
): Promise<{ readonly texts: string[]; readonly server: RawUpstream }> {
  await using server = await startUpstream(async (_, { write }) => {
    const text = HEAD + chunks;
    for (let at = 0; at < text.length; at += piece) {
      await write(text.slice(at, at + piece));
    }
  });
  const upstream = new Upstream(server.address);
  const texts: string[] = [];
  try {
    for (let i = 0; i < times; i++) {
      const { body } = await upstream.send(REQUEST, 5_000);
      let text = "";
      for (;;) {
        const bytes = await body.read();
        if (bytes === undefined) break;
        text += new TextDecoder().decode(bytes);
      }
      texts.push(text);
    }
  } finally {
    upstream.close();
  }
  return { texts, server };
}

Deno.test("AnswerBody.read() puts chunks together wherever they are cut", async () => {
  const chunks =
    '5\r\nus-ea\r\n4;name=value;a;b="c;\\"d"\r\nst-1\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';
  for (const piece of [1, 2, 3, 7, 1_000]) {
    const { texts, server } = await bodies(chunks, piece, 2);
    assertEquals(texts, ["us-east-10123456789", "us-east-10123456789"]);
    assertEquals(server.bytes.length, 1, `pieces of ${piece}: one connection`);
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
    await assertRejects(
      () => bodies(chunks, 1_000, 1),
      UpstreamError,
      "bad answer",
    );
  }
});

Deno.test("AnswerBody.read() never tells the end when the body was given up", async () => {
  await using server = await startUpstream(async (_, { write }) => {
    await write(HEAD + "5\r\nus-ea\r\n");
  });
  const upstream = new Upstream(server.address);
  try {
    const { body } = await upstream.send(REQUEST, 5_000);
    assertEquals((await body.read())?.length, 5);
    body.destroy();
    for (const _ of [1, 2]) {
      await assertRejects(() => body.read(), UpstreamError, "given up");
    }
  } finally {
    upstream.close();
  }
});
