import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createLog } from "../../lib/system/log.ts";
import { defaultTree } from "../../lib/simulator/default_instance.ts";
import { EC2_VERSIONS } from "../../lib/simulator/ec2_service.ts";
import { OPENSTACK_VERSIONS } from "../../lib/simulator/openstack_service.ts";
import {
  type SimulatorOptions,
  startSimulator,
} from "../../lib/simulator/simulator.ts";
import {
  ask as askRaw,
  bytesOf,
  get as getOf,
  valuesOf,
} from "../helpers/raw.ts";

const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN = "X-aws-ec2-metadata-token";
const CREDENTIALS =
  "/latest/meta-data/iam/security-credentials/cluster-us-east-1-master-role";

/** Asks for a target, byte for byte. */
async function askOf(
  address: Deno.NetAddr,
  method: string,
  target: string,
  headers: readonly string[],
) {
  const request = getOf(target, ...headers).replace("GET", method);
  const answer = await askRaw(address, request);
  const body = Uint8Array.from(bytesOf(answer.body));
  return {
    status: answer.status,
    headers: answer.headers,
    header: (name: string) => valuesOf(answer, name.toLowerCase())[0],
    body,
    text: new TextDecoder().decode(body),
  };
}

type Answer = Awaited<ReturnType<typeof askOf>>;

/** Starts a simulator on a free port and asks it raw requests. */
async function start(options: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: defaultTree(),
    requireV2: false,
    ...options,
  });
  const ask = (method: string, target: string, ...headers: string[]) =>
    askOf(simulator.address, method, target, headers);
  return {
    simulator,
    ask,
    get: (target: string, ...headers: string[]) =>
      ask("GET", target, ...headers),
    token: async (ttl: number) =>
      (await ask("PUT", "/latest/api/token", `${TTL}: ${ttl}`)).text,
    [Symbol.asyncDispose]: () => simulator.stop(),
  };
}

function assertErrorPage(answer: Answer, status: number, phrase: string) {
  assertEquals(answer.status, status);
  assertEquals(answer.header("Content-Type"), "text/html");
  assertEquals(answer.header("Server"), "EC2ws");
  assert(
    answer.text.startsWith('<?xml version="1.0" encoding="iso-8859-1"?>\n'),
  );
  assertStringIncludes(answer.text, "XHTML 1.0");
  assertStringIncludes(answer.text, `<title>${status} - ${phrase}</title>`);
}

function assertEmpty(answer: Answer, status: number) {
  assertEquals(answer.status, status);
  assertEquals(answer.header("Content-Type"), "text/plain");
  assertEquals(answer.header("Server"), "EC2ws");
  assertEquals(answer.header("Content-Length"), "0");
  assertEquals(answer.text, "");
}

Deno.test("simulator answers a leaf with the service's headers in its order", async () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  await using service = await start({ now: () => now });
  const answer = await service.get("/latest/meta-data/placement/region");
  assertEquals(answer.text, "us-east-1");
  assertEquals(answer.headers.slice(0, 4), [
    ["Content-Type", "text/plain"],
    ["Accept-Ranges", "none"],
    ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"],
    ["Server", "EC2ws"],
  ]);
  assertEquals(answer.header("Content-Length"), "9");
});

Deno.test("simulator lists its versions and serves the tree under each", async () => {
  await using service = await start();
  for (const root of ["/", "//", "/?x"]) {
    const answer = await service.get(root);
    assertEquals(answer.text.split("\n"), EC2_VERSIONS);
    assertMatch(answer.header("ETag") ?? "", /^"\d+"$/);
  }
  for (const version of EC2_VERSIONS) {
    const { text } = await service.get(`/${version}/meta-data/instance-type`);
    assertEquals(text, "m5.xlarge", version);
  }
});

Deno.test("simulator lists directories with and without a slash at the end", async () => {
  await using service = await start();
  const listings = {
    "/latest": "dynamic\nmeta-data\nuser-data",
    "/latest/dynamic": "fws/\ninstance-identity/",
    "/2021-01-03/dynamic/instance-identity":
      "document\npkcs7\nrsa2048\nsignature",
    "/latest/meta-data/placement":
      "availability-zone\navailability-zone-id\ngroup-name\npartition-number\nregion",
    "/latest/meta-data/public-keys": "0=cluster-us-east-1-key",
    "/latest/meta-data/public-keys/0": "openssh-key",
    "/latest/meta-data/iam": "info\nsecurity-credentials/",
    "/latest/meta-data/iam/security-credentials":
      "cluster-us-east-1-master-role",
    "/latest/meta-data/network/interfaces/macs":
      "02:c2:50:00:00:01/\n02:c2:50:00:00:02/",
    "/latest/meta-data/tags/instance": "Name\nowner-us-east-1",
  };
  for (const [path, listing] of Object.entries(listings)) {
    for (const target of [path, `${path}/`]) {
      const answer = await service.get(target);
      assertEquals(answer.status, 200, target);
      assertEquals(answer.text, listing, target);
      assertEquals(answer.header("Content-Type"), "text/plain");
    }
  }
});

Deno.test("simulator answers a leaf the same with a slash at the end, a query, doubled slashes or escapes", async () => {
  await using service = await start();
  for (
    const target of [
      "/latest/meta-data/placement/availability-zone",
      "/latest/meta-data/placement/availability-zone/",
      "/latest/meta-data/placement/availability-zone?x=/y",
      "/latest/meta-data/placement/availability-zone#b",
      "//latest//meta-data///placement/availability-zone//",
      "/latest/meta%2ddata/placement/availability-zone",
      "http://169.254.169.254/latest/meta-data/placement/availability-zone",
    ]
  ) assertEquals((await service.get(target)).text, "us-east-1a", target);
});

Deno.test("simulator answers 404 with an error page where there is nothing", async () => {
  await using service = await start();
  for (
    const target of [
      "/nope",
      "/2999-01-01/meta-data/",
      "/latest/nope",
      "/latest/api",
      "/latest/api/token/",
      "/latest/meta-data/spot/instance-action",
      "/latest/meta-data/outpost-arn",
      "/latest/meta-data/ami-id/x",
      "/latest/./meta-data/ami-id",
      "/latest/meta-data/../meta-data/ami-id",
      "/latest/%",
      "/latest/meta-data/constructor",
      "/latest/meta-data/__proto__",
      "/latest/meta-data/public-keys/1",
      "/latest/meta-data/public-keys/0=clus",
      "/latest/%zz",
      "/latest/%ff",
      "/latest/openstack/meta_data.json",
    ]
  ) assertErrorPage(await service.get(target), 404, "Not Found");
});

Deno.test("simulator answers HEAD like GET but for the body", async () => {
  await using service = await start({ now: () => 0 });
  const dateless = (answer: Answer) =>
    answer.headers
      .filter(([name]) => name.toLowerCase() !== "date")
      .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
      .toSorted();
  for (
    const target of [
      "/",
      "/latest/meta-data/",
      "/latest/user-data",
      "/nope",
      "/latest/api/token",
      "/openstack",
      "/openstack/latest/meta_data.json",
    ]
  ) {
    const get = await service.get(target);
    const head = await service.ask("HEAD", target);
    assertEquals(head.status, get.status, target);
    assertEquals(dateless(head), dateless(get), target);
    assertEquals(head.body.length, 0, target);
  }
});

Deno.test("simulator sends user data and the identity document with an ETag, user data as bytes", async () => {
  const tree = defaultTree();
  await using service = await start({ tree });
  const answer = await service.get("/latest/user-data");
  assertEquals(answer.body, tree["user-data"] as Uint8Array);
  assertEquals(answer.header("Content-Type"), "application/octet-stream");
  assertMatch(answer.header("ETag") ?? "", /^"\d+"$/);
  const document = await service.get(
    "/latest/dynamic/instance-identity/document",
  );
  assertMatch(document.header("ETag") ?? "", /^"\d+"$/);
  assert(document.header("ETag") !== answer.header("ETag"));
});

Deno.test("simulator leaves user data out when there is none", async () => {
  await using service = await start({ tree: { "meta-data": { a: "b" } } });
  assertEquals((await service.get("/latest/")).text, "meta-data");
  assertErrorPage(await service.get("/latest/user-data"), 404, "Not Found");
  assertEquals((await service.get("/openstack")).status, 404);
});

Deno.test("simulator issues tokens and echoes their lifetime", async () => {
  await using service = await start();
  for (const ttl of [1, 21_600]) {
    const answer = await service.ask(
      "PUT",
      "/latest/api/token",
      `${TTL}: ${ttl}`,
    );
    assertEquals(answer.status, 200);
    assertEquals(answer.headers[0], [
      "X-Aws-Ec2-Metadata-Token-Ttl-Seconds",
      String(ttl),
    ]);
    assertEquals(answer.header("Content-Type"), "text/plain");
    assertMatch(answer.text, /^AQAEA[\w-]{49}==$/);
  }
});

Deno.test("simulator refuses a token with 400 when the lifetime is missing or wrong", async () => {
  await using service = await start();
  const requests = [
    [],
    ...[
      ...["", "0", "-1", "21601", "999999999999999999999", "abc"],
      ...["1.5", "1e3", "0x10", "+5", "60, 60"],
    ].map((ttl) => [`${TTL}: ${ttl}`]),
  ];
  for (const headers of requests) {
    assertErrorPage(
      await service.ask("PUT", "/latest/api/token", ...headers),
      400,
      "Bad Request",
    );
  }
});

Deno.test("simulator refuses PUT with 403 when forwarded or anywhere but at the token path", async () => {
  await using service = await start();
  const requests: [string, ...string[]][] = [
    ["/latest/api/token", "X-Forwarded-For: 10.0.0.1"],
    ["/latest/api/token", "x-forwarded-for: "],
    ["/latest/api/token/"],
    ["//latest/api/token"],
    ["/2021-01-03/api/token"],
    ["/latest/meta-data/ami-id"],
  ];
  for (const [target, ...headers] of requests) {
    assertEmpty(
      await service.ask("PUT", target, `${TTL}: 60`, ...headers),
      403,
    );
  }
});

Deno.test("simulator takes a token until it expires, then answers 401", async () => {
  const clock = { now: 1_000_000 };
  await using service = await start({ now: () => clock.now, requireV2: true });
  const header = `${TOKEN}: ${await service.token(10)}`;
  const region = "/latest/meta-data/placement/region";
  for (
    const [later, left] of [[0, "10"], [3_000, "7"], [6_999, "1"]] as const
  ) {
    clock.now += later;
    const answer = await service.get(region, header);
    assertEquals(answer.text, "us-east-1");
    assertEquals(answer.header(TTL), left);
  }
  clock.now += 1;
  assertErrorPage(await service.get(region, header), 401, "Unauthorized");
  assertEquals((await service.ask("HEAD", region, header)).status, 401);
});

Deno.test("simulator answers 401 to a wrong token even where none is needed", async () => {
  await using service = await start();
  for (const token of ["wrong", "", "AQAEA==, AQAEA=="]) {
    for (const target of ["/latest/meta-data/ami-id", "/nope"]) {
      assertErrorPage(
        await service.get(target, `${TOKEN}: ${token}`),
        401,
        "Unauthorized",
      );
    }
  }
});

Deno.test("simulator answers 401 without a token only when tokens are required", async () => {
  await using lenient = await start();
  const answer = await lenient.get("/latest/meta-data/ami-id");
  assertEquals(answer.status, 200);
  assertEquals(answer.header(TTL), undefined);
  await using strict = await start({ requireV2: true });
  for (const target of ["/", "/latest/meta-data/ami-id", "/nope"]) {
    assertErrorPage(await strict.get(target), 401, "Unauthorized");
  }
  assertEquals((await strict.get("/openstack")).status, 200);
});

Deno.test("simulator answers 405 with the allowed methods to every other method", async () => {
  await using service = await start();
  for (const method of ["GET", "HEAD", "POST", "DELETE", "PATCH"]) {
    const answer = await service.ask(method, "/latest/api/token");
    assertEmpty(answer, 405);
    assertEquals(answer.header("Allow"), "OPTIONS, PUT");
  }
  for (const method of ["POST", "DELETE", "PATCH"]) {
    const answer = await service.ask(method, "/latest/meta-data/");
    assertEmpty(answer, 405);
    assertEquals(answer.header("Allow"), "OPTIONS, GET, HEAD");
  }
  const answer = await service.ask("PUT", "/openstack/latest/user_data");
  assertEquals(answer.status, 405);
  assertEquals(answer.header("Allow"), "GET, HEAD");
});

Deno.test("simulator answers OPTIONS with the allowed methods", async () => {
  await using service = await start();
  const token = await service.ask("OPTIONS", "/latest/api/token");
  assertEmpty(token, 200);
  assertEquals(token.header("Allow"), "OPTIONS, PUT");
  const other = await service.ask("OPTIONS", "/latest/meta-data/");
  assertEquals(other.header("Allow"), "OPTIONS, GET, HEAD");
});

Deno.test("simulator sends the same credentials twice within an hour, and ones that hold", async () => {
  const clock = { now: Date.UTC(2026, 0, 2, 3, 0, 1) };
  await using service = await start({ now: () => clock.now });
  const first = await service.get(CREDENTIALS);
  clock.now += 3_590_000;
  assertEquals((await service.get(CREDENTIALS)).text, first.text);
  clock.now += 10_000;
  const { Expiration } = JSON.parse((await service.get(CREDENTIALS)).text);
  assertEquals(Expiration, "2026-01-02T10:00:00Z");
});

Deno.test("simulator serves OpenStack's files under every version with Nova's types", async () => {
  const tree = defaultTree();
  await using service = await start({ tree });
  for (const root of ["/openstack", "/openstack/"]) {
    const answer = await service.get(root);
    assertEquals(answer.text.split("\n"), OPENSTACK_VERSIONS);
    assertEquals(answer.header("Content-Type"), "text/plain; charset=UTF-8");
    assertEquals(answer.header("Server"), undefined);
  }
  for (const version of OPENSTACK_VERSIONS) {
    assertEquals(
      (await service.get(`/openstack/${version}`)).text,
      "meta_data.json\nnetwork_data.json\nuser_data\nvendor_data.json\nvendor_data2.json",
    );
    const data = await service.get(`/openstack/${version}/meta_data.json`);
    assertEquals(data.header("Content-Type"), "application/json");
    assertEquals(JSON.parse(data.text).availability_zone, "us-east-1a");
    const user = await service.get(`/openstack/${version}/user_data`);
    assertEquals(user.body, tree.openstack?.user_data as Uint8Array);
  }
});

Deno.test("simulator answers 404 below /openstack where there is nothing", async () => {
  await using service = await start();
  for (
    const target of [
      "/openstack/nope",
      "/openstack/2011-01-01/meta_data.json",
      "/openstack/latest/nope.json",
      "/openstack/latest/../latest/user_data",
    ]
  ) {
    const answer = await service.get(target);
    assertEquals(answer.status, 404, target);
    assertEquals(answer.header("Content-Type"), "text/html; charset=UTF-8");
  }
});

Deno.test("simulator survives odd requests and answers the next", async () => {
  await using service = await start();
  for (
    const [target, header] of [
      ["/a%00b", "X: y"],
      [`/${"a/".repeat(8_000)}`, "X: y"],
      ["/latest/meta-data/ami-id", "Range: bytes=0-1"],
      ["/latest/meta-data/ami-id", 'If-None-Match: "1"'],
    ] as const
  ) {
    const { status } = await service.get(target, header);
    assert(
      status === 200 || status === 404,
      `${target.slice(0, 20)} ${status}`,
    );
  }
  assertEquals((await service.get("/latest/meta-data/system")).text, "nitro");
});

Deno.test("simulator logs a line a request at debug, without tokens or queries", async () => {
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    format: "text",
    write: (line) => lines.push(line),
  });
  await using service = await start({ log });
  const token = await service.token(60);
  await service.get(`${CREDENTIALS}?token=${token}`, `${TOKEN}: ${token}`);
  assertEquals(lines.length, 2);
  assertStringIncludes(
    lines[0] ?? "",
    "method=PUT path=/latest/api/token status=200",
  );
  assertStringIncludes(lines[1] ?? "", `path=${CREDENTIALS} status=200`);
  for (const secret of [token, "Simulated"]) {
    assert(!lines.join("").includes(secret));
  }
});

Deno.test("startSimulator() names its address, also over IPv6", async () => {
  await using service = await start({ listen: { hostname: "::1", port: 0 } });
  const { url, address } = service.simulator;
  assertEquals(url, `http://[::1]:${address.port}`);
  const answer = await fetch(`${url}/latest/meta-data/mac`);
  assertEquals(await answer.text(), "02:c2:50:00:00:01");
});

Deno.test("startSimulator() rejects when the address is taken", async () => {
  await using service = await start();
  const { port } = service.simulator.address;
  const error = await assertRejects(
    () => start({ listen: { hostname: "127.0.0.1", port } }),
    Error,
    `Cannot listen on 127.0.0.1:${port}`,
  );
  assert(error.cause instanceof Deno.errors.AddrInUse);
});

Deno.test("simulator stops in time when a client lingers, and stops twice", async () => {
  const { simulator } = await start();
  using lingering = await Deno.connect({
    hostname: "127.0.0.1",
    port: simulator.address.port,
  });
  await lingering.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHo"));
  const before = performance.now();
  await simulator.stop();
  await simulator.stop();
  await simulator.finished;
  assert(performance.now() - before < 30_000);
});
