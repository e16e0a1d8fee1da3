import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { RewriteMode } from "../../lib/config/serve_config.ts";
import { procfs } from "../helpers/node.ts";
import { createRandom } from "../helpers/random.ts";
import { ask, get, textOf, valuesOf } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startServed } from "../reliability/served.ts";
import { type Stage, startStage } from "./under_test.ts";

const MODES: readonly RewriteMode[] = ["safe", "all"];
const ZONE = "/latest/meta-data/placement/availability-zone";
const META_DATA = "/openstack/latest/meta_data.json";

/** What the service answers changes from one request to the next. */
async function stage(
  rewrite: RewriteMode,
): Promise<Stage & { body: string; headers: readonly string[] }> {
  const given = { body: "", headers: [] as readonly string[] };
  const it = await startStage(
    (_, { write }) => write(answer(given.body, given.headers)),
    { rewrite, cacheMs: 0 },
  );
  return Object.assign(given, it);
}

/** Text that says its region often, too long to come whole. */
const LONG = "zone us-east-1a in us-east-1, not us-east-10\n".repeat(5_000);
const LONG_REWRITTEN = LONG.replaceAll(
  /us-east-1(?=a|,)/g,
  "us-iso-east-1",
);

const random = createRandom(2);
const BINARY = String.fromCharCode(
  ...Array.from({ length: 2_000 }, () => random.int(256)),
) + "\0us-east-1\0" + String.fromCharCode(...Array(256).keys());

const PLAIN = "region us-east-1\n".repeat(50);
const GZIP = textOf(gzipSync(PLAIN));

const OPAQUE: ReadonlyArray<readonly [string, string, ...string[]]> = [
  ["gzip by name", GZIP, "Content-Encoding: gzip"],
  ["gzip by its magic", GZIP],
  ["brotli", textOf(brotliCompressSync(PLAIN)), "content-encoding: br"],
  ["text that says it is packed", "us-east-1", "Content-Encoding: gzip"],
  ["an unknown coding", "us-east-1", "Content-Encoding: identity, odd"],
  ["binary text", BINARY],
  ["much binary text", BINARY.repeat(100)],
  ["packed text with a region behind", `\x1f\x8b${LONG}`],
];

for (const mode of MODES) {
  Deno.test(`startProxy() hands on packed and binary bodies bit for bit in mode ${mode}`, async () => {
    await using it = await stage(mode);
    for (const [name, body, ...headers] of OPAQUE) {
      it.body = body;
      it.headers = ["ETag: x", ...headers];
      const got = await it.ask(ZONE);
      assert(got.body === body, name);
      assertEquals(valuesOf(got, "etag"), ["x"], name);
      assertEquals(valuesOf(got, "content-length"), [`${body.length}`]);
    }
  });

  Deno.test(`startProxy() drops what described a rewritten body in mode ${mode}`, async () => {
    await using it = await stage(mode);
    const digests = ["Content-MD5", "Digest", "Content-Digest", "Repr-Digest"];
    const described = ["ETag", ...digests, "Last-Modified"];
    it.headers = described.map((name) => `${name}: x`);
    for (
      const [body, shown, names] of [
        ["us-east-1a", "us-iso-east-1a", ["Last-Modified"]],
        ["us-west-2a", "us-west-2a", described],
      ] as const
    ) {
      it.body = body;
      const got = await it.ask(ZONE);
      assertEquals(got.body, shown);
      assertEquals(
        got.headers.map(([name]) => name),
        [...names, "content-length", "date"],
      );
    }
  });

  Deno.test(`startProxy() rewrites long bodies on their way in mode ${mode}`, async () => {
    await using it = await stage(mode);
    it.body = LONG;
    it.headers = ["ETag: x"];
    const got = await it.ask(ZONE);
    assert(got.body === LONG_REWRITTEN);
    assertEquals(valuesOf(got, "etag"), []);
    assertEquals(valuesOf(got, "content-length"), []);
    assertEquals(valuesOf(got, "transfer-encoding"), ["chunked"]);
    // HTTP/1.0 knows no chunks: the end of the connection is the end.
    const old = await ask(
      it.proxy.address,
      get(ZONE).replace("HTTP/1.1", "HTTP/1.0"),
    );
    assert(old.body === LONG_REWRITTEN);
    assertEquals(valuesOf(old, "transfer-encoding"), []);
  });
}

const FIELDS = (top: string, below: string) =>
  `{\n  "name": "a-${below}",\n  "availability_zone": "${top}a",\n  "meta": {"region": "${below}"},\n  "region_id": "${top}"\n}`;

/** A document of so many bytes. */
const document = (bytes: number, region: string) =>
  `{"region_id":"${region}"}`.padEnd(bytes);

/** Two bodies: the service's, and what is shown of it in mode safe and all. */
const SAFE_AND_ALL: ReadonlyArray<
  readonly [target: string, safe: string, body: string, all: string]
> = [
  [ZONE, "us-iso-east-1a", "us-east-1a", "us-iso-east-1a"],
  ...[
    ["/latest/user-data", "region: us-east-1"],
    ["/2009-04-04//meta-data/./iam/security-credentials/", "role-us-east-1"],
    [META_DATA, "no JSON us-east-1"],
    // Such documents only an attacker makes.
    [META_DATA, document(256 * 1024 + 1, "us-east-1")],
  ].map(([target = "", body = ""]) =>
    [target, body, body, body.replace("us-east", "us-iso-east")] as const
  ),
  [
    META_DATA,
    document(256 * 1024 + 4, "us-iso-east-1"),
    document(256 * 1024, "us-east-1"),
    document(256 * 1024 + 4, "us-iso-east-1"),
  ],
  [
    META_DATA,
    FIELDS("us-iso-east-1", "us-east-1"),
    FIELDS("us-east-1", "us-east-1"),
    FIELDS("us-iso-east-1", "us-iso-east-1"),
  ],
];

Deno.test("startProxy() leaves alone in mode safe what all rewrites", async () => {
  for (const mode of MODES) {
    await using it = await stage(mode);
    for (const [target, safe, body, all] of SAFE_AND_ALL) {
      it.body = body;
      const got = await it.ask(target);
      assert(got.body === (mode === "safe" ? safe : all), `${mode} ${target}`);
    }
  }
});

Deno.test("startProxy() warns once of answers that come compressed all the same", async () => {
  await using it = await stage("safe");
  it.body = GZIP;
  it.headers = ["Content-Encoding: gzip"];
  await it.ask("/latest/user-data");
  assertEquals(it.proxy.warnings, []);
  for (let i = 0; i < 3; i++) await it.ask(`${ZONE}?secret${i}`);
  assertEquals(it.proxy.warnings.length, 1);
  assertMatch(
    it.proxy.warnings[0] ?? "",
    /the metadata service compressed an answer .* target=[\w/-]+\n$/,
  );
});

Deno.test("startProxy() warns once of a region that no map covers", async () => {
  await using it = await stage("safe");
  const seen = ["eu-west-1b", "eu-west-1b", "us-east-1b"];
  for (it.body of seen) await it.ask(ZONE);
  it.body = "us-west-2";
  await it.ask("/latest/meta-data/public-keys/");
  assertEquals(it.proxy.warnings.length, 1);
  assert(it.proxy.warnings[0]?.includes("add --region eu-west-1=EMULATED"));
});

/** A line that grows, of a length that no chunk is a multiple of. */
const LINE = `us-east-1a us-east-1. us-east-10 ${"x".repeat(200)}\n`;
const LINE_REWRITTEN = `us-iso-east-1a us-iso-east-1. us-east-10 ${
  "x".repeat(200)
}\n`;
/** So much that its whole would not go unnoticed beside what a heap spares. */
const LARGE = 256 * 1024 * 1024;
const SPARED_KIB = 160 * 1024;

/** The most memory a process ever had resident, in KiB. */
async function memoryOf(pid: number): Promise<number> {
  return Number(/VmHWM:\s+(\d+) kB/.exec(await procfs(pid, "status"))?.[1]);
}

Deno.test("startProxy() rewrites 256 MiB in constant memory", async () => {
  const encoder = new TextEncoder();
  const block = encoder.encode(LINE.repeat(500));
  const blocks = Math.ceil(LARGE / block.length);
  await using upstream = await startUpstream(async ({ target }, connection) => {
    const count = target === "/large" ? blocks : 10;
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${block.length * count}\r\n\r\n`,
    );
    for (let i = 0; i < count; i++) {
      if (!await connection.write(block)) return;
    }
  });
  await using served = await startServed(upstream.address);
  const { program } = served;
  const expected = encoder.encode(LINE_REWRITTEN.repeat(500));
  // Long enough for a chunk to begin anywhere in the first half of it.
  const twice = Buffer.concat([expected, expected]);
  const fetched = async (target: string) => {
    const { body } = await fetch(`${program.url}${target}`);
    assert(body !== null);
    let size = 0;
    for await (const chunk of body) {
      const from = size % expected.length;
      const same = twice.compare(
        chunk,
        0,
        chunk.length,
        from,
        from + chunk.length,
      );
      assert(same === 0, `other bytes around ${size}`);
      size += chunk.length;
    }
    return size;
  };
  assertEquals(await fetched("/small"), expected.length * 10);
  const before = await memoryOf(program.pid);
  assertEquals(await fetched("/large"), expected.length * blocks);
  const grown = await memoryOf(program.pid) - before;
  assert(grown < SPARED_KIB, `memory grew by ${grown} KiB`);
});
