import { assertEquals } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { get, RawClient, valuesOf } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { type ProxyUnderTest, startUnderTest } from "./under_test.ts";

/** The request that must never count as one where it is part of a body. */
const POISON = "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n";

interface Attack {
  readonly name: string;
  readonly bytes: string;
  /** The statuses the attacker gets; a connection that just ends gives none. */
  readonly statuses: readonly number[];
  /** What the upstream receives of it. */
  readonly forwarded: readonly string[];
}

function put(lines: readonly string[], body: string): string {
  return ["PUT /a HTTP/1.1", "Host: h", ...lines, "", body].join("\r\n");
}

function attack(
  name: string,
  bytes: string,
  statuses: readonly number[],
  forwarded: readonly string[] = [],
): Attack {
  return { name, bytes, statuses, forwarded };
}

const CHUNKED = ["Transfer-Encoding: chunked"];
const ABC = "3\r\nabc\r\n0\r\n\r\n" + POISON;
const HEX = POISON.length.toString(16);
// What follows a whole request on the attacker's own connection is a request.
const BOTH = ["PUT /a abc", "GET /poison "];

const ATTACKS: readonly Attack[] = [
  attack(
    "CL and TE",
    put(["Content-Length: 5", ...CHUNKED], "0\r\n\r\n" + POISON),
    [400],
  ),
  attack(
    "TE and CL",
    put([...CHUNKED, "Content-Length: 5"], "0\r\n\r\n" + POISON),
    [400],
  ),
  attack(
    "GET with a body",
    `GET / HTTP/1.1\r\nHost: h\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
    [400],
  ),
  attack(
    "GET in chunks",
    `GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${HEX}\r\n${POISON}\r\n0\r\n\r\n`,
    [400],
  ),
  attack(
    "HEAD with a body",
    `HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
    [400],
  ),
  attack(
    "two lengths",
    put(["Content-Length: 3", `Content-Length: ${POISON.length}`], ABC),
    [400],
  ),
  attack(
    "the same length twice",
    put(["Content-Length: 3", "Content-Length: 3"], "abc" + POISON),
    [400, 200],
    ["GET /poison "],
  ),
  attack("a list of lengths", put(["Content-Length: 3, 3"], ABC), [400]),
  attack("a length with a sign", put(["Content-Length: +3"], ABC), [400]),
  attack("a negative length", put(["Content-Length: -1"], ABC), [400]),
  attack("a hexadecimal length", put(["Content-Length: 0x3"], ABC), [400]),
  attack("a length with a gap", put(["Content-Length: 3 3"], ABC), [400]),
  attack("an empty length", put(["Content-Length:"], POISON), [400]),
  attack("a space before the colon", put(["Content-Length : 3"], ABC), [400]),
  attack(
    "spaces around a length",
    put(["Content-Length: \t 3 "], "abc" + POISON),
    [200, 200],
    BOTH,
  ),
  attack(
    "a length with zeros",
    put(["Content-Length: 0003"], "abc" + POISON),
    [200, 200],
    BOTH,
  ),
  attack("an unknown coding", put(["Transfer-Encoding: xchunked"], ABC), [400]),
  attack(
    "a coding before chunked",
    put(["Transfer-Encoding: gzip, chunked"], ABC),
    [400, 200],
    ["GET /poison "],
  ),
  attack(
    "a coding after chunked",
    put(["Transfer-Encoding: chunked, identity"], ABC),
    [400],
  ),
  attack(
    "two codings",
    put([...CHUNKED, "Transfer-Encoding: identity"], ABC),
    [400],
  ),
  attack(
    "identity with a length",
    put(["Transfer-Encoding: identity", "Content-Length: 3"], ABC),
    [400],
  ),
  attack(
    "a vertical tab before the coding",
    put(["Transfer-Encoding: \x0bchunked"], ABC),
    [400],
  ),
  attack(
    "chunks in HTTP/1.0",
    put(CHUNKED, ABC).replace("HTTP/1.1", "HTTP/1.0"),
    [400],
  ),
  attack(
    "extensions of chunks",
    put(CHUNKED, `3;a="b"\r\nabc\r\n0;c\r\n\r\n${POISON}`),
    [200, 200],
    BOTH,
  ),
  attack(
    "a line feed in an extension",
    put(CHUNKED, `3;a\nb\r\nabc\r\n0\r\n\r\n${POISON}`),
    [],
  ),
  attack("bare line feeds", put(CHUNKED, `3\nabc\n0\n\n${POISON}`), []),
  attack("a chunk with a sign", put(CHUNKED, `+${ABC}`), []),
  attack("a chunk with 0x", put(CHUNKED, `0x${ABC}`), []),
  attack(
    "a chunk longer than any number",
    put(CHUNKED, `fffffffffffffffff\r\nabc\r\n0\r\n\r\n${POISON}`),
    [],
  ),
  attack(
    "a chunk too short",
    put(CHUNKED, `4\r\nabc\r\n0\r\n\r\n${POISON}`),
    [],
  ),
  attack(
    "a chunk too long",
    put(CHUNKED, `2\r\nabc\r\n0\r\n\r\n${POISON}`),
    [],
  ),
  attack(
    "trailers",
    put(CHUNKED, `3\r\nabc\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n${POISON}`),
    [200, 200],
    BOTH,
  ),
  attack("a carriage return in a value", get("/a", "X: a\rY: b"), [400]),
  attack("a NUL in a value", get("/a", "X: a\0b"), [400]),
  attack("a line without a colon", get("/a", "Xabc"), [400]),
  attack("a space in a name", get("/a", "X y: b"), [400]),
  attack("a line feed in a target", get("/a\nX: y"), [400]),
  attack("a version nobody knows", POISON.replace("1.1", "1.2"), [400]),
  attack("no version", "GET /a\r\n\r\n", [400]),
  attack("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\xfc\r\n\r\n", [400]),
  // U+010D and U+010A end in the bytes of a line end, had they been cut.
  attack(
    "line ends in disguise in a target",
    get("/\xc4\x8d\xc4\x8aX:\xc4\xa0y"),
    [200],
    ["GET /\xc4\x8d\xc4\x8aX:\xc4\xa0y "],
  ),
  attack(
    "line ends in disguise in a value",
    get("/a", "X: \xc4\x8d\xc4\x8aGET /poison"),
    [200],
    ["GET /a "],
  ),
  attack(
    "line ends in percent signs",
    get("/%0d%0aX:%20y%00"),
    [200],
    ["GET /%0d%0aX:%20y%00 "],
  ),
  attack(
    "a framing field named by Connection",
    put(
      [
        "Connection: content-length, x-aws-ec2-metadata-token",
        "Content-Length: 3",
      ],
      "abc" + POISON,
    ),
    [200, 200],
    BOTH,
  ),
];

/** Answers what it was asked, so that an answer tells whose it is. */
function startEcho(): Promise<RawUpstream> {
  return startUpstream(({ method, target, body }, connection) =>
    connection.write(answer(`${method} ${target} ${body}`))
  );
}

function forwarded(upstream: RawUpstream, from = 0): string[] {
  return upstream.requests.slice(from)
    .map(({ method, target, body }) => `${method} ${target} ${body}`);
}

/** Every byte the upstream received belongs to a request it understood. */
function assertNothingBetween(upstream: RawUpstream): void {
  const ofRequests = upstream.bytes.map((_, number) =>
    upstream.requests.filter(({ connection }) => connection === number)
      .map(({ raw }) => raw).join("")
  );
  assertEquals(upstream.bytes, ofRequests);
}

/** Reads answers until one more request of its own is answered, or the end. */
async function statusesUntilProbe(client: RawClient, method: string) {
  const statuses: number[] = [];
  try {
    await client.send(get("/probe"));
    for (;;) {
      const { status, body } = await client.answer(
        statuses.length === 0 ? method : "GET",
      );
      if (body === "GET /probe ") return { statuses, probed: true };
      statuses.push(status);
    }
  } catch {
    return { statuses, probed: false };
  }
}

async function assertVictimFine(victim: RawClient, name: string) {
  await victim.send(get(`/victim?${encodeURIComponent(name)}`));
  const { status, body } = await victim.answer();
  assertEquals(
    [status, body],
    [200, `GET /victim?${encodeURIComponent(name)} `],
    name,
  );
}

async function startPair(given?: Partial<ServeConfig>): Promise<
  { readonly upstream: RawUpstream; readonly proxy: ProxyUnderTest }
> {
  const upstream = await startEcho();
  return { upstream, proxy: await startUnderTest(upstream.address, given) };
}

/** Where all that goes up is counted. */
const NOTHING_SHARED = { cacheMs: 0 };

Deno.test("startProxy() lets no framing of one client reach another", async () => {
  const pair = await startPair(NOTHING_SHARED);
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  using victim = await RawClient.connect(proxy.address);
  for (const { name, bytes, statuses, forwarded: expected } of ATTACKS) {
    const before = upstream.requests.length;
    using attacker = await RawClient.connect(proxy.address);
    await attacker.send(bytes);
    const got = await statusesUntilProbe(attacker, bytes.slice(0, 4).trim());
    assertEquals(got.statuses, statuses, name);
    await assertVictimFine(victim, name);
    assertEquals(
      forwarded(upstream, before),
      [
        ...expected,
        ...(got.probed ? ["GET /probe "] : []),
        `GET /victim?${encodeURIComponent(name)} `,
      ],
      name,
    );
  }
  assertNothingBetween(upstream);
});

Deno.test("startProxy() lets no framing of one client spoil the answers it shares with another", async () => {
  const pair = await startPair();
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  using victim = await RawClient.connect(proxy.address);
  // What attackers ask for, too, or have others believe they do.
  const wanted = ["/a", "/poison", "/probe"];
  let asked = 0;
  for (const { name, bytes, statuses } of ATTACKS) {
    using attacker = await RawClient.connect(proxy.address);
    await attacker.send(bytes);
    const got = await statusesUntilProbe(attacker, bytes.slice(0, 4).trim());
    assertEquals(got.statuses, statuses, name);
    for (const target of wanted) {
      await victim.send(get(target));
      const { status, body } = await victim.answer();
      assertEquals([status, body], [200, `GET ${target} `], name);
      asked++;
    }
  }
  const ups = upstream.requests.filter((it) => wanted.includes(it.target));
  const gets = ups.filter(({ method }) => method === "GET");
  assertEquals(gets.length < asked / 2, true, `${gets.length} of ${asked}`);
  assertNothingBetween(upstream);
});

Deno.test("startProxy() understands a request that comes byte by byte", async () => {
  const pair = await startPair();
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  using client = await RawClient.connect(proxy.address);
  using other = await RawClient.connect(proxy.address);
  const bytes = put(["Content-Length: 3"], "abc") +
    put(CHUNKED, "2\r\nde\r\n0\r\n\r\n") + get("/b");
  for (const [i, byte] of [...bytes].entries()) {
    await client.send(byte);
    if (i % 8 === 0) await assertVictimFine(other, `${i}`);
  }
  assertEquals((await client.answer()).body, "PUT /a abc");
  assertEquals((await client.answer()).body, "PUT /a de");
  assertEquals((await client.answer()).body, "GET /b ");
  assertNothingBetween(upstream);
});

Deno.test("startProxy() understands requests cut in two at every byte", async () => {
  const pair = await startPair(NOTHING_SHARED);
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  using other = await RawClient.connect(proxy.address);
  const bytes = put(["Content-Length: 3"], "abc") + get("/b");
  for (let cut = 1; cut < bytes.length; cut++) {
    using client = await RawClient.connect(proxy.address);
    await client.send(bytes.slice(0, cut));
    await assertVictimFine(other, `${cut}`);
    await client.send(bytes.slice(cut));
    assertEquals((await client.answer()).body, "PUT /a abc");
    assertEquals((await client.answer()).body, "GET /b ");
  }
  assertNothingBetween(upstream);
});

Deno.test("startProxy() forwards nothing of a request that never became whole", async () => {
  const pair = await startPair();
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  using other = await RawClient.connect(proxy.address);
  const bytes = put(["Content-Length: 10"], "abcdefghij");
  for (let cut = 1; cut < bytes.length; cut += 7) {
    {
      using client = await RawClient.connect(proxy.address);
      await client.send(bytes.slice(0, cut));
      if (cut % 2 === 0) await client.closeWrite();
    }
    await assertVictimFine(other, `${cut}`);
  }
  assertEquals(
    forwarded(upstream).filter((it) => !it.startsWith("GET /victim")),
    [],
  );
  assertNothingBetween(upstream);
});

Deno.test("startProxy() gives every one of many clients its own answer", async () => {
  const pair = await startPair();
  await using upstream = pair.upstream;
  await using proxy = pair.proxy;
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    using client = await RawClient.connect(proxy.address);
    for (let round = 0; round < 10; round++) {
      const body = `${i}-${round}`.repeat(i + 1);
      await client.send(
        put([`Content-Length: ${body.length}`], body) + get(`/${body}`),
      );
      assertEquals((await client.answer()).body, `PUT /a ${body}`);
      assertEquals((await client.answer()).body, `GET /${body} `);
    }
  }));
  assertEquals(upstream.requests.length, 400);
  assertNothingBetween(upstream);
});

Deno.test("startProxy() gives every one of many clients the answer to its own headers, shared or not", async () => {
  await using upstream = await startUpstream((request, connection) => {
    const [token] = valuesOf(request, "x-aws-ec2-metadata-token");
    return connection.write(answer(`${request.target} ${token}`));
  });
  await using proxy = await startUnderTest(upstream.address);
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    using client = await RawClient.connect(proxy.address);
    for (let round = 0; round < 10; round++) {
      // Four clients each have the same token, all ask for the same.
      const token = `X-aws-ec2-metadata-token: ${i % 5}`;
      await client.send(get(`/${round}`, token));
      assertEquals((await client.answer()).body, `/${round} ${i % 5}`);
    }
  }));
  const ups = upstream.requests.length;
  assertEquals(ups >= 50 && ups < 200, true, `${ups} of 200 went up`);
  assertNothingBetween(upstream);
});
