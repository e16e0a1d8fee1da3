import { assert, assertEquals, assertRejects } from "@std/assert";
import { Upstream } from "../../../lib/proxy/upstream/upstream.ts";
import { TimeLimit } from "../../../lib/proxy/upstream/time_limit.ts";
import { UpstreamError } from "../../../lib/proxy/upstream/upstream_error.ts";
import { textOf } from "../../helpers/raw.ts";
import { startUpstream } from "../../helpers/upstream.ts";

const REQUEST = {
  target: "/",
  headers: [["host", "h"]],
  body: undefined,
} as const;

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** What is read of an answer that comes in pieces of some bytes. */
async function read(text: string, piece = text.length, method = "GET") {
  await using server = await startUpstream(async (_, { write, end }) => {
    for (let at = 0; at < text.length; at += piece) {
      await write(text.slice(at, at + piece));
    }
    end();
  });
  const upstream = new Upstream(server.address);
  using limit = new TimeLimit(5_000);
  try {
    const sent = upstream.send({ ...REQUEST, method }, limit);
    const { status, headers, body } = await sent;
    const { bytes, whole } = await body.start(1_000);
    assert(whole);
    return { status, headers, body: textOf(bytes) };
  } finally {
    upstream.close();
  }
}

Deno.test("readAnswer() keeps names and values, without the space around them", async () => {
  const fields =
    "Server: EC2ws\r\nx-A:\t b \t\r\nX-Empty:\r\nX: \xa0\xfc\xa0\r\nY: \xc3\xbc";
  for (const piece of [1, 5, 1_000]) {
    assertEquals(await read(`${OK}${fields}\r\n\r\nus`, piece), {
      status: 200,
      headers: [
        ["Server", "EC2ws"],
        ["x-A", "b"],
        ["X-Empty", ""],
        ["X", "\xa0\xfc\xa0"],
        ["Y", "\xc3\xbc"],
      ],
      body: "us",
    });
  }
});

Deno.test("readAnswer() knows how the body ends", async () => {
  const cases: ReadonlyArray<readonly [string, string, string?]> = [
    [`${OK}Content-Length: 3\r\n\r\nabcd`, "abc"],
    [`${OK}Content-Length: 3\r\n\r\nabc`, "", "HEAD"],
    [`${OK}Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`, "a"],
    [`${OK}\r\nabc`, "abc"],
    ["HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\nabc", ""],
    ["HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\nabc", ""],
    ["HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "abc"],
    ["HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""],
  ];
  for (const [text, body, method] of cases) {
    assertEquals((await read(text, text.length, method)).body, body, text);
  }
});

Deno.test("AnswerBody.read() puts chunks together wherever they are cut", async () => {
  const chunks =
    '5\r\nus-ea\r\n4;name=value;a;b="c;\\"d"\r\nst-1\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';
  for (const piece of [1, 2, 3, 7, 1_000]) {
    const { body } = await read(CHUNKED + chunks, piece);
    assertEquals(body, "us-east-10123456789");
  }
});

/** Heads that could be read in two ways, or are none. */
const HEADS: readonly string[] = [
  ...["HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK"],
  ...["HTTP/1.1  200 OK", "\x16\x03garbage", "us-east-1", "ICE/1.0 200 OK"],
  ...["HTTP/1.1 099 OK", "HTTP/1.1 200 O\x01K", "\r\nHTTP/1.1 200 OK"],
  ...[
    "Content-Length: 3\r\nContent-Length: 3",
    "Content-Length: 3\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding:",
    "Content-Length: +3",
    "Content-Length: 3, 3",
    "Content-Length:",
    "Content-Length: 9999999999999999",
    "Content-Length : 3",
    " folded: x",
    "X: a\r\n folded",
    "no colon",
    ": no name",
    "X: a\nContent-Length: 3",
    "X: a\rb",
    "X: a\0b",
    "X: a\x0bb",
    "X: a\r",
    "X: a\n",
    "X\nContent-Length: 3",
    `X: ${"x".repeat(90_000)}`,
  ].map((fields) => OK + fields),
];

const CHUNKS: readonly string[] = [
  "x\r\n",
  "\r\n",
  "-1\r\n",
  "0x5\r\nus-ea\r\n",
  "5\nus-ea\r\n",
  "5 \r\nus-ea\r\n0\r\n\r\n",
  "5;\r\nus-ea\r\n0\r\n\r\n",
  "5; a\r\nus-ea\r\n0\r\n\r\n",
  "5;a=\r\nus-ea\r\n0\r\n\r\n",
  "0000000000005\r\nus-ea\r\n0\r\n\r\n",
  '5;a="\r"\r\nus-ea\r\n0\r\n\r\n',
  "0\r\nno colon\r\n\r\n",
  "0\r\n\n",
  "0\r\nX: a\n\n",
  "0\r\nX: a\x01b\r\n\r\n",
  "0\r\n folded: x\r\n\r\n",
  "0\r\nContent-Length: 3\r\n\r\n",
  "0\r\ntransfer-encoding: chunked\r\n\r\n",
  "5\r\nus-east-1\r\n0\r\n\r\n",
  `${"1".repeat(20)}\r\n`,
  `5;${"x".repeat(5_000)}\r\nus-ea\r\n0\r\n\r\n`,
  `0\r\n${"X-T: 1\r\n".repeat(1_000)}\r\n`,
];

Deno.test("readAnswer() refuses heads and chunks that could be read in two ways", async () => {
  const bad = [
    ...HEADS.map((head) => `${head}\r\n\r\n`),
    ...["\n", "X: a\r\n\n", "X: a\n\n", "X: a\n\r\n"].map((end) => OK + end),
    "HTTP/1.1 200 OK\n\n",
    ...CHUNKS.map((chunks) => CHUNKED + chunks),
  ];
  for (const text of bad) {
    for (const piece of [700, text.length]) {
      await assertRejects(() => read(text, piece), UpstreamError, "bad answer");
    }
  }
});

Deno.test("AnswerBody.read() never tells the end when the body was given up", async () => {
  await using server = await startUpstream(async (_, { write }) => {
    await write(CHUNKED + "5\r\nus-ea\r\n");
  });
  const upstream = new Upstream(server.address);
  using limit = new TimeLimit(5_000);
  const { body } = await upstream.send({ ...REQUEST, method: "GET" }, limit);
  assertEquals((await body.read())?.length, 5);
  body.destroy();
  for (const _ of [1, 2]) {
    await assertRejects(() => body.read(), UpstreamError, "broke off");
  }
});
