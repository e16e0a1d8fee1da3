import { assertEquals } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import { answer, type RawUpstream } from "../helpers/upstream.ts";
import { type Stage, startStage } from "./under_test.ts";

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

/** A request that is answered 400, and whose connection ends. */
function refused(name: string, bytes: string): Attack {
  return { name, bytes, statuses: [400], forwarded: [] };
}

/** Chunks that are none: the connection just ends. */
function broken(name: string, body: string): Attack {
  return { ...refused(name, put(CHUNKED, body)), statuses: [] };
}

/** A request that is one, and so is what follows it on its connection. */
function whole(name: string, bytes: string): Attack {
  return {
    name,
    bytes,
    statuses: [200, 200],
    forwarded: ["PUT /a abc", "GET /poison "],
  };
}

/** A request that is refused for itself, and what follows it is another. */
function followed(
  name: string,
  lines: readonly string[],
  body: string,
): Attack {
  return {
    name,
    bytes: put(lines, body),
    statuses: [400, 200],
    forwarded: ["GET /poison "],
  };
}

/** Odd bytes that go up as they came. */
function harmless(name: string, target: string, ...lines: string[]): Attack {
  return {
    name,
    bytes: get(target, ...lines),
    statuses: [200],
    forwarded: [`GET ${target} `],
  };
}

const CHUNKED = ["Transfer-Encoding: chunked"];
const ABC = "3\r\nabc\r\n0\r\n\r\n" + POISON;
const HEX = POISON.length.toString(16);
const LENGTH = `Content-Length: ${POISON.length}`;

const ATTACKS: readonly Attack[] = [
  refused(
    "CL and TE",
    put(["Content-Length: 5", ...CHUNKED], "0\r\n\r\n" + POISON),
  ),
  refused(
    "TE and CL",
    put([...CHUNKED, "Content-Length: 5"], "0\r\n\r\n" + POISON),
  ),
  refused("GET with a body", get("/", LENGTH) + POISON),
  refused(
    "GET in chunks",
    `${get("/", ...CHUNKED)}${HEX}\r\n${POISON}\r\n0\r\n\r\n`,
  ),
  refused(
    "HEAD with a body",
    get("/", LENGTH).replace("GET", "HEAD") + POISON,
  ),
  ...[
    ["Content-Length: 3", LENGTH],
    ["Content-Length: 3, 3"],
    ["Content-Length: +3"],
    ["Content-Length: -1"],
    ["Content-Length: 0x3"],
    ["Content-Length: 3 3"],
    ["Content-Length:"],
    ["Content-Length : 3"],
    ["Transfer-Encoding: xchunked"],
    ["Transfer-Encoding: chunked, identity"],
    [...CHUNKED, "Transfer-Encoding: identity"],
    ["Transfer-Encoding: identity", "Content-Length: 3"],
    ["Transfer-Encoding: \x0bchunked"],
  ].map((lines) => refused(lines.join(), put(lines, ABC))),
  followed(
    "the same length twice",
    ["Content-Length: 3", "Content-Length: 3"],
    "abc" + POISON,
  ),
  followed("a coding first", ["Transfer-Encoding: gzip, chunked"], ABC),
  ...["Content-Length: \t 3 ", "Content-Length: 0003"]
    .map((line) => whole(line, put([line], "abc" + POISON))),
  refused(
    "chunks in HTTP/1.0",
    put(CHUNKED, ABC).replace("HTTP/1.1", "HTTP/1.0"),
  ),
  whole(
    "extensions of chunks",
    put(CHUNKED, `3;a="b"\r\nabc\r\n0;c\r\n\r\n${POISON}`),
  ),
  whole(
    "trailers",
    put(CHUNKED, `3\r\nabc\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n${POISON}`),
  ),
  broken(
    "a line feed in an extension",
    `3;a\nb\r\nabc\r\n0\r\n\r\n${POISON}`,
  ),
  broken("bare line feeds", `3\nabc\n0\n\n${POISON}`),
  ...["+3", "0x3", "fffffffffffffffff", "4", "2"].map((size) =>
    broken(`a chunk of ${size}`, `${size}\r\nabc\r\n0\r\n\r\n${POISON}`)
  ),
  ...["X: a\rY: b", "X: a\0b", "Xabc", "X y: b"].map((line) =>
    refused(line, get("/a", line))
  ),
  refused("a line feed in a target", get("/a\nX: y")),
  refused("a version nobody knows", POISON.replace("1.1", "1.2")),
  refused("no version", "GET /a\r\n\r\n"),
  refused("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\xfc\r\n\r\n"),
  // U+010D and U+010A end in the bytes of a line end, had they been cut.
  harmless("line ends in disguise", "/\xc4\x8d\xc4\x8aX:\xc4\xa0y"),
  harmless(
    "line ends in disguise in a value",
    "/a",
    "X: \xc4\x8d\xc4\x8aGET /poison",
  ),
  harmless("line ends in percent signs", "/%0d%0aX:%20y%00"),
  whole(
    "a framing field named by Connection",
    put(["Connection: content-length", "Content-Length: 3"], "abc" + POISON),
  ),
];

/** A service that answers what it was asked, so that an answer tells whose it is. */
function startEcho(): Promise<Stage> {
  return startStage(
    ({ method, target, body }, { write }) =>
      write(answer(`${method} ${target} ${body}`)),
    // All that goes up is to be counted.
    { cacheMs: 0 },
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

Deno.test("startProxy() lets no framing of one client reach another", async () => {
  await using it = await startEcho();
  const { upstream, proxy: { address } } = it;
  using victim = await RawClient.connect(address);
  for (const { name, bytes, statuses, forwarded: expected } of ATTACKS) {
    const before = upstream.requests.length;
    using attacker = await RawClient.connect(address);
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
