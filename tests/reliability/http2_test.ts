import { assert, assertEquals } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { figure } from "./figures.ts";
import { startServed } from "./served.ts";

// As much of HTTP/2 as it takes to ask without compression: RFC 9113, RFC 7541.

/** How a client begins that knows the server speaks HTTP/2. */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The types of frames (RFC 9113, 6). */
const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  CONTINUATION: 9,
} as const;

/** The flag that ends a stream. */
const END_STREAM = 1;

/** The flag that ends a head. */
const END_HEADERS = 4;

/** A number of 32 bits. */
function number32(value: number): string {
  const bytes = [value >>> 24, value >>> 16, value >>> 8, value];
  return String.fromCharCode(...bytes.map((it) => it & 255));
}

/** A frame. */
function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string,
): string {
  return number32(payload.length).slice(1) +
    String.fromCharCode(type, flags) + number32(stream) + payload;
}

/** A string of HPACK, as long as its prefix of 7 bits and a byte or two tell. */
function text(value: string): string {
  if (value.length < 127) return String.fromCharCode(value.length) + value;
  let rest = value.length - 127;
  let length = "\x7f";
  for (; rest > 127; rest >>= 7) {
    length += String.fromCharCode(rest & 127 | 128);
  }
  return length + String.fromCharCode(rest) + value;
}

/** A field. */
type Field = readonly [name: string, value: string];

/** Literal fields that are not put into any table. */
function fieldsOf(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`)
    .join("");
}

const START = PREFACE + frame(FRAME.SETTINGS, 0, 0, "");

/** With a Host, as over HTTP/1.1: by an authority it would be refused. */
function head(path: string, ...more: readonly Field[]): Field[] {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    ["host", "h"],
    ...more,
  ];
}

const POISON = "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n";

function put(more: readonly Field[], body: string): string {
  const fields = [[":method", "PUT"] as const, ...head("/a", ...more).slice(1)];
  return frame(FRAME.HEADERS, END_HEADERS, 1, fieldsOf(fields)) +
    frame(FRAME.DATA, END_STREAM, 1, body);
}

function ofHead(fields: readonly Field[], stream = 1): string {
  const flags = END_HEADERS | END_STREAM;
  return frame(FRAME.HEADERS, flags, stream, fieldsOf(fields));
}

/** Requests that would be more than one, had they been written down as such. */
const ATTACKS: Readonly<Record<string, string>> = {
  "nothing": ofHead(head("/a")),
  "line ends in a value": ofHead(head("/a", ["x", `y\r\n\r\n${POISON}`])),
  "a line feed in a value": ofHead(head("/a", ["x", `y\n${POISON}`])),
  "line ends in a name": ofHead(head("/a", [`x: y\r\n\r\n${POISON}`, "z"])),
  "a colon in a name": ofHead(head("/a", ["transfer-encoding: x", "chunked"])),
  "upper case in a name": ofHead(head("/a", ["Content-Length", "60"])),
  "line ends in a path": ofHead(
    head(`/a HTTP/1.1\r\nHost: h\r\n\r\n${POISON}`),
  ),
  "a space in a path": ofHead(head("/a HTTP/1.1")),
  "line ends in an authority": ofHead([
    [":authority", `h\r\n\r\n${POISON}`],
    ...head("/a"),
  ]),
  "line ends in a method": ofHead([
    [":method", `GET /poison HTTP/1.1\r\nHost: h\r\n\r\nGET`],
    ...head("/a").slice(1),
  ]),
  "two paths": ofHead([...head("/a"), [":path", "/poison"]]),
  "a coding": put([["transfer-encoding", "chunked"]], `0\r\n\r\n${POISON}`),
  "a length too short": put([["content-length", "3"]], `abc${POISON}`),
  "a length too long": put([["content-length", "300"]], POISON),
  "a length of nothing": put([["content-length", "0"]], POISON),
  "two lengths": put([
    ["content-length", "0"],
    ["content-length", String(POISON.length)],
  ], POISON),
  "a connection": put([["connection", "content-length"]], POISON),
  "an upgrade": ofHead(head("/a", ["upgrade", "websocket"])),
};

/** Waits until all that was sent is understood, or the connection ends. */
async function untilTaken(client: RawClient): Promise<void> {
  await client.send(frame(FRAME.PING, 0, 0, "12345678"));
  for (let came = ""; !came.includes("12345678");) {
    const some = await client.readSome();
    if (some === undefined) return;
    came += some;
  }
}

Deno.test("startProxy() makes at most one request of one over HTTP/2", async () => {
  await using upstream = await startUpstream(({ target }, connection) =>
    connection.write(answer(target))
  );
  // All that goes up is counted.
  await using proxy = await startUnderTest(upstream.address, { cacheMs: 0 });
  for (const [name, frames] of Object.entries(ATTACKS)) {
    const before = upstream.requests.length;
    using client = await RawClient.connect(proxy.address);
    await client.send(START + frames);
    await untilTaken(client);
    assertEquals((await ask(proxy.address, get("/next"))).body, "/next", name);
    const targets = upstream.requests.slice(before).map((it) => it.target);
    if (name === "nothing") assertEquals(targets, ["/a", "/next"]);
    assert(targets.length <= 2, `${name}: ${targets}`);
    assert(targets.every((it) => it === "/a" || it === "/next"), `${targets}`);
  }
  const whole = upstream.bytes.map((_, i) =>
    upstream.requests.filter(({ connection }) => connection === i)
      .map(({ raw }) => raw).join("")
  );
  assertEquals(upstream.bytes, whole);
});

testWith([{ command: "curl", from: "curl" }])(
  "startProxy() answers 505 to HTTP/2 as its clients speak it, and sends nothing up",
  async () => {
    await using upstream = await startUpstream(({ target }, connection) =>
      connection.write(answer(target))
    );
    await using proxy = await startUnderTest(upstream.address);
    const status = async (...how: string[]) => {
      const url = `http://127.0.0.1:${proxy.address.port}/a`;
      const { stdout } = await new Deno.Command("curl", {
        args: ["--silent", "--write-out", "%{http_code}", ...how, url],
      }).output();
      return new TextDecoder().decode(stdout);
    };
    assertEquals(await status("--http2-prior-knowledge"), "505");
    assertEquals(upstream.requests, []);
    // What asks whether there is HTTP/2 goes on with HTTP/1.1, also without Host.
    assertEquals(await status("--http2"), "/a200");
    assertEquals(await status("--http1.0", "--header", "Host:"), "/a200");
  },
);

/** No answer may have a byte: SETTINGS_INITIAL_WINDOW_SIZE is 0. */
const CLOSED = PREFACE + frame(FRAME.SETTINGS, 0, 0, `\0\x04${number32(0)}`);

/** The odd numbers, as clients number their streams, each with its frames. */
function streams(count: number, frames: (id: number) => string): string {
  return Array.from({ length: count }, (_, i) => frames(2 * i + 1)).join("");
}

/** As many streams as `Deno.serve` takes on one connection at one time. */
function opened(fields: readonly Field[]): string {
  return streams(200, (id) => ofHead(fields, id));
}

Deno.test("startProxy() holds four answers of a connection that takes none, and refuses more", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("x".repeat(60_000)))
  );
  await using proxy = await startUnderTest(upstream.address, { cacheMs: 0 });
  for (let i = 1; i <= 3; i++) {
    using client = await RawClient.connect(proxy.address);
    await client.send(CLOSED + opened(head("/big")));
    await untilTaken(client);
    assertEquals((await ask(proxy.address, get("/big"))).body.length, 60_000);
    assertEquals(upstream.requests.length, 5 * i);
  }
});

/**
 * What costs much more to take than to send, and on how many connections. The
 * memory of many streams stays with the process: docs/reliability.md.
 */
const FLOODS: ReadonlyArray<readonly [string, string, number]> = [
  // Known by their first request, or by their fifth.
  ["200 streams without a Host", opened(head("/").slice(0, 3)), 50],
  ["200 streams", opened(head("/")), 50],
  [
    "streams opened and reset",
    streams(
      20_000,
      (id) =>
        ofHead(head("/"), id) + frame(FRAME.RST_STREAM, 0, id, number32(8)),
    ),
    1,
  ],
  [
    "a head that never ends",
    frame(FRAME.HEADERS, 0, 1, fieldsOf(head("/"))) +
    frame(FRAME.CONTINUATION, 0, 1, fieldsOf([["x", "y".repeat(10_000)]]))
      .repeat(1_000),
    1,
  ],
  // One long field goes into the table and is then named by one byte each.
  [
    "a head that unpacks to 48 MB",
    frame(
      FRAME.HEADERS,
      END_HEADERS | END_STREAM,
      1,
      `${fieldsOf(head("/"))}\x40${text("x")}${text("y".repeat(4_000))}` +
        "\xbe".repeat(12_000),
    ),
    1,
  ],
  [
    "pings whose answers nobody reads",
    frame(FRAME.PING, 0, 0, "12345678").repeat(200_000),
    1,
  ],
];

Deno.test("serve keeps its memory and answers others when HTTP/2 floods come", async () => {
  await using upstream = await startUpstream(({ target }, connection) =>
    connection.write(answer(target))
  );
  await using served = await startServed(upstream.address);
  const figures: string[] = [];
  for (const [name, frames, connections] of FLOODS) {
    const before = await served.memory();
    const clients: RawClient[] = [];
    const sending: Promise<void>[] = [];
    try {
      while (clients.length < connections) {
        const client = await RawClient.connect(served.address);
        clients.push(client);
        // It blocks where the proxy takes no more.
        sending.push(client.send(START + frames).catch(() => {}));
        if (clients.length % 10 > 1) continue;
        assertEquals((await ask(served.address, get("/next"))).body, "/next");
      }
      for (let i = 0; i < 20; i++) {
        assertEquals((await ask(served.address, get("/next"))).body, "/next");
      }
    } finally {
      for (const client of clients) client.close();
      await Promise.all(sending);
    }
    const grown = await served.memory() - before;
    assert(grown < 96 * 1024, `${name}: ${grown} KiB more`);
    figures.push((grown / 1024).toFixed(0));
  }
  figure("HTTP/2 floods", `${figures.join(", ")} MiB more`);
  assertEquals((await served.program.stop()).code, 0);
});
