import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  brotliCompressSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { RewriteMode } from "../../lib/config/serve_config.ts";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import { gzippedUserData } from "../../lib/simulator/default_instance.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { startProgram } from "../helpers/program.ts";
import { createRandom } from "../helpers/random.ts";
import {
  ask,
  get,
  type RawAnswer,
  RawClient,
  textOf,
  valuesOf,
} from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { type ProxyUnderTest, startUnderTest } from "./under_test.ts";

const MODES: readonly RewriteMode[] = ["safe", "all"];
const ZONE = "/latest/meta-data/placement/availability-zone";

interface Stage extends AsyncDisposable {
  readonly proxy: ProxyUnderTest;
  readonly upstream: RawUpstream;
  /** What the upstream answers. */
  body: string;
  headers: readonly string[];
}

async function stage(rewrite: RewriteMode): Promise<Stage> {
  const upstream = await startUpstream((_, connection) =>
    connection.write(answer(it.body, it.headers))
  );
  // What it answers changes from one request to the next.
  const proxy = await startUnderTest(upstream.address, { rewrite, cacheMs: 0 });
  const it: Stage = {
    upstream,
    proxy,
    body: "",
    headers: [],
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
  return it;
}

function assertLength(got: RawAnswer): void {
  assertEquals(valuesOf(got, "content-length"), [`${got.body.length}`]);
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

function compressed(pack: (text: string) => Uint8Array): string {
  return textOf(pack("region us-east-1\n".repeat(50)));
}

const OPAQUE: ReadonlyArray<
  readonly [name: string, body: string, headers: readonly string[]]
> = [
  ["gzip by name", compressed(gzipSync), ["Content-Encoding: gzip"]],
  ["gzip by its magic", compressed(gzipSync), []],
  ["deflate by name", compressed(deflateSync), ["Content-Encoding: deflate"]],
  ["deflate by its magic", compressed(deflateSync), []],
  ["brotli by name", compressed(brotliCompressSync), ["content-encoding: br"]],
  ["zstd by name", compressed(zstdCompressSync), ["Content-Encoding: ZSTD"]],
  ["zstd by its magic", compressed(zstdCompressSync), []],
  ["text that says it is packed", "us-east-1", ["Content-Encoding: gzip"]],
  ["a coding nobody knows", "us-east-1", ["Content-Encoding: identity, odd"]],
  ["binary text", BINARY, []],
  ["much binary text", BINARY.repeat(100), []],
  ["packed text with a region behind", `\x1f\x8b${LONG}`, []],
];

for (const mode of MODES) {
  Deno.test(`startProxy() hands on packed and binary bodies bit for bit in mode ${mode}`, async () => {
    await using it = await stage(mode);
    for (const [name, body, headers] of OPAQUE) {
      it.body = body;
      it.headers = ["ETag: x", ...headers];
      const got = await ask(it.proxy.address, get(ZONE));
      assert(got.body === body, name);
      assertEquals(valuesOf(got, "etag"), ["x"], name);
      assertLength(got);
    }
  });

  Deno.test(`startProxy() drops what described a rewritten body in mode ${mode}`, async () => {
    await using it = await stage(mode);
    const described = ["ETag: x", "Content-MD5: y", "Last-Modified: z"];
    it.headers = described;
    for (const [body, rewritten] of [["us-east-1a", "us-iso-east-1a"]]) {
      it.body = body ?? "";
      const got = await ask(it.proxy.address, get(ZONE));
      assertEquals(got.body, rewritten);
      assertEquals(
        got.headers.map(([name]) => name),
        ["Last-Modified", "content-length", "date"],
      );
      assertLength(got);
    }
    it.body = "us-west-2a";
    const same = await ask(it.proxy.address, get(ZONE));
    assertEquals(same.body, "us-west-2a");
    assertEquals(valuesOf(same, "etag"), ["x"]);
    assertEquals(valuesOf(same, "content-md5"), ["y"]);
  });

  Deno.test(`startProxy() rewrites long bodies on their way in mode ${mode}`, async () => {
    await using it = await stage(mode);
    it.body = LONG;
    it.headers = ["ETag: x"];
    const got = await ask(it.proxy.address, get(ZONE));
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

  Deno.test(`startProxy() leaves parts of bodies alone in mode ${mode}`, async () => {
    await using upstream = await startUpstream((_, connection) =>
      connection.write(
        answer("us-east-1", [
          "Content-Range: bytes 0-8/20",
          "ETag: x",
        ], "206 Partial Content"),
      )
    );
    await using proxy = await startUnderTest(upstream.address, {
      rewrite: mode,
    });
    const got = await ask(proxy.address, get(ZONE, "Range: bytes=0-8"));
    assertEquals(got.status, 206);
    assertEquals(got.body, "us-east-1");
    assertEquals(valuesOf(got, "etag"), ["x"]);
    assertLength(got);
  });
}

Deno.test("startProxy() rewrites a region cut by the upstream's writes", async () => {
  await using upstream = await startUpstream(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${LONG.length}\r\n\r\n`,
    );
    for (let at = 0; at < LONG.length; at += 1_013) {
      await connection.write(LONG.slice(at, at + 1_013));
    }
  });
  await using proxy = await startUnderTest(upstream.address);
  const got = await ask(proxy.address, get(ZONE));
  assert(got.body === LONG_REWRITTEN);
});

const META_DATA = JSON.stringify(
  {
    name: "a-us-east-1",
    availability_zone: "us-east-1a",
    meta: { region: "us-east-1", availability_zone: "us-east-1a" },
    region_id: "us-east-1",
  },
  undefined,
  2,
);

const SAFE_AND_ALL: ReadonlyArray<
  readonly [target: string, body: string, safe: string, all: string]
> = [
  [ZONE, "us-east-1a", "us-iso-east-1a", "us-iso-east-1a"],
  [
    "/latest/user-data",
    "region: us-east-1",
    "region: us-east-1",
    "region: us-iso-east-1",
  ],
  [
    "/2009-04-04//meta-data/./iam/security-credentials/",
    "role-us-east-1",
    "role-us-east-1",
    "role-us-iso-east-1",
  ],
  [
    "/openstack/latest/meta_data.json",
    META_DATA,
    META_DATA
      .replace(
        `"availability_zone": "us-east`,
        `"availability_zone": "us-iso-east`,
      )
      .replace(`"region_id": "us-east`, `"region_id": "us-iso-east`),
    META_DATA.replaceAll("us-east-1", "us-iso-east-1"),
  ],
  [
    "/openstack/latest/meta_data.json",
    "no JSON us-east-1",
    "no JSON us-east-1",
    "no JSON us-iso-east-1",
  ],
];

Deno.test("startProxy() leaves alone in mode safe what all rewrites", async () => {
  for (const mode of MODES) {
    await using it = await stage(mode);
    for (const [target, body, safe, all] of SAFE_AND_ALL) {
      it.body = body;
      const got = await ask(it.proxy.address, get(target));
      assertEquals(got.body, mode === "safe" ? safe : all, `${mode} ${target}`);
      assertLength(got);
    }
  }
});

/** Objects that only an attacker makes. */
const ABSURD: ReadonlyArray<readonly [string, string]> = [
  [
    "47,600 regions in 1 MB",
    `{${Array(47_600).fill('"region":"us-east-1"').join(",")}}`,
  ],
  [
    "2,000 regions",
    `{${Array(2_000).fill('"region":"us-east-1"').join(",")}}`,
  ],
];

Deno.test("startProxy() leaves JSON alone that has too many bytes or fields", async () => {
  await using it = await stage("safe");
  for (const [name, body] of ABSURD) {
    it.body = body;
    const got = await ask(
      it.proxy.address,
      get("/openstack/latest/meta_data.json"),
    );
    assert(got.body === body, name);
  }
});

/** What goes up of `Accept-Encoding: gzip`, by what may be rewritten. */
const ENCODINGS: ReadonlyArray<readonly [string, string, string]> = [
  ["GET", ZONE, "identity"],
  ["HEAD", ZONE, "identity"],
  ["GET", "/openstack/latest/meta_data.json", "identity"],
  ["GET", "/latest/user-data", "gzip"],
  ["GET", "/latest/meta-data/iam/security-credentials/r", "gzip"],
  ["PUT", "/latest/api/token", "gzip"],
];

Deno.test("startProxy() asks for no compression where the answer may be rewritten", async () => {
  await using it = await stage("safe");
  for (const [method, target, encoding] of ENCODINGS) {
    const head = get(target, "Accept-Encoding: gzip");
    using client = await RawClient.connect(it.proxy.address);
    await client.send(head.replace("GET", method));
    await client.answer(method);
    const last = it.upstream.requests.at(-1);
    assertEquals(
      valuesOf(last ?? { headers: [] }, "accept-encoding"),
      [encoding],
      `${method} ${target}`,
    );
  }
  await ask(it.proxy.address, get(ZONE));
  const last = it.upstream.requests.at(-1);
  assertEquals(valuesOf(last ?? { headers: [] }, "accept-encoding"), [
    "identity",
  ]);
});

Deno.test("startProxy() warns once of answers that come compressed all the same", async () => {
  await using it = await stage("safe");
  it.body = compressed(gzipSync);
  it.headers = ["Content-Encoding: gzip"];
  await ask(it.proxy.address, get("/latest/user-data"));
  assertEquals(it.proxy.warnings, []);
  for (let i = 0; i < 3; i++) {
    const got = await ask(it.proxy.address, get(`${ZONE}?secret${i}`));
    assert(got.body === it.body);
    assertEquals(valuesOf(got, "content-encoding"), ["gzip"]);
  }
  assertEquals(it.proxy.warnings.length, 1);
  assertMatch(
    it.proxy.warnings[0] ?? "",
    /the metadata service compressed an answer .* target=[\w/-]+\n$/,
  );
});

Deno.test("startProxy() never rewrites what PUT and OPTIONS answer", async () => {
  await using it = await stage("all");
  it.body = "us-east-1";
  for (const method of ["PUT", "OPTIONS"]) {
    const got = await ask(
      it.proxy.address,
      `${method} ${ZONE} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`,
    );
    assertEquals(got.body, "us-east-1", method);
  }
});

Deno.test("startProxy() hands on user data to the byte", async () => {
  await using simulator = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2: false,
  });
  for (const mode of MODES) {
    await using proxy = await startUnderTest(simulator.address, {
      rewrite: mode,
    });
    for (const target of ["/latest/user-data", "/openstack/latest/user_data"]) {
      const direct = await ask(simulator.address, get(target));
      const through = await ask(proxy.address, get(target));
      assertEquals(through.status, 200);
      assert(through.body === direct.body, `${mode} ${target}`);
    }
    const packed = await ask(proxy.address, get("/openstack/latest/user_data"));
    assert(packed.body === textOf(await gzippedUserData()));
  }
});

Deno.test("startProxy() warns once of a region that no map covers", async () => {
  await using it = await stage("safe");
  it.body = "eu-west-1b";
  for (let i = 0; i < 3; i++) {
    assertEquals((await ask(it.proxy.address, get(ZONE))).body, "eu-west-1b");
  }
  it.body = "us-east-1b";
  await ask(it.proxy.address, get(ZONE));
  it.body = "us-west-2";
  await ask(it.proxy.address, get("/latest/meta-data/public-keys/"));
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
  const { stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/status`],
  }).output();
  const [, peak = ""] =
    /VmHWM:\s+(\d+) kB/.exec(new TextDecoder().decode(stdout)) ?? [];
  return Number(peak);
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
  const { hostname, port } = upstream.address;
  await using program = await startProgram([
    "serve",
    "--listen=127.0.0.1:0",
    `--upstream=http://${hostname}:${port}`,
  ]);
  const expected = encoder.encode(LINE_REWRITTEN.repeat(500));
  const fetched = async (target: string) => {
    const { body } = await fetch(`${program.url}${target}`);
    assert(body !== null);
    let size = 0;
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length;) {
        const from = (size + at) % expected.length;
        const length = Math.min(chunk.length - at, expected.length - from);
        const same = Buffer.compare(
          chunk.subarray(at, at + length),
          expected.subarray(from, from + length),
        ) === 0;
        assert(same, `other bytes around ${size + at}`);
        at += length;
      }
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
