import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { defaultTree } from "../../lib/simulator/default_instance.ts";
import { EC2_VERSIONS, TokenStore } from "../../lib/simulator/ec2_service.ts";
import { OPENSTACK_VERSIONS } from "../../lib/simulator/openstack_service.ts";
import {
  type SimulatorOptions,
  startSimulator,
} from "../../lib/simulator/simulator.ts";
import { recordLog } from "../helpers/log.ts";
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

/** Starts a simulator on a free port and asks it raw requests. */
function start(options: Partial<SimulatorOptions> = {}) {
  const simulator = startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: defaultTree(),
    requireV2: false,
    ...options,
  });
  /** Asks for a target, byte for byte. */
  const ask = async (method: string, target: string, ...headers: string[]) => {
    const request = getOf(target, ...headers).replace("GET", method);
    const answer = await askRaw(simulator.address, request);
    const body = Uint8Array.from(bytesOf(answer.body));
    return {
      status: answer.status,
      headers: answer.headers,
      header: (name: string) => valuesOf(answer, name.toLowerCase())[0],
      body,
      text: new TextDecoder().decode(body),
    };
  };
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

type Answer = Awaited<ReturnType<ReturnType<typeof start>["ask"]>>;

/** What follows a code in the title of an error page. */
const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
};

function assertErrorPage(answer: Answer, status: number, note?: string) {
  assertEquals(answer.status, status, note);
  assertEquals(answer.header("Content-Type"), "text/html");
  assertEquals(answer.header("Server"), "EC2ws");
  assertMatch(answer.text, /^<\?xml version="1.0" encoding="iso-8859-1"\?>\n/);
  const title = `<title>${status} - ${PHRASES[status]}</title>`;
  assertStringIncludes(answer.text, title);
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
  await using service = start({ now: () => now });
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
  await using service = start();
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

Deno.test("simulator finds a path with or without a slash at its end, a query, doubled slashes or escapes", async () => {
  await using service = start();
  const data = "/latest/meta-data";
  for (
    const [target, text] of [
      ["/latest", "dynamic\nmeta-data\nuser-data"],
      [
        "/2021-01-03/dynamic/instance-identity",
        "document\npkcs7\nrsa2048\nsignature",
      ],
      [`${data}/public-keys`, "0=cluster-us-east-1-key"],
      [`${data}/public-keys/0`, "openssh-key"],
      [`${data}/iam`, "info\nsecurity-credentials/"],
      [`${data}/placement/region`, "us-east-1"],
      [`/${data}///placement/region`, "us-east-1"],
      ["/latest/meta%2ddata/placement/region", "us-east-1"],
      [`http://169.254.169.254${data}/placement/region`, "us-east-1"],
    ] as const
  ) {
    for (const end of ["", "/", "?x=/y", "#b"]) {
      const answer = await service.get(target + end);
      assertEquals(answer.text, text, target + end);
      assertEquals(answer.header("Content-Type"), "text/plain");
    }
  }
});

Deno.test("simulator answers 404 with an error page where there is nothing", async () => {
  await using service = start();
  for (
    const target of [
      "/nope",
      "/2999-01-01/meta-data/",
      "/latest/nope",
      "/latest/api",
      "/latest/api/token/",
      "/latest/meta-data/ami-id/x",
      "/latest/./meta-data/ami-id",
      "/latest/meta-data/../meta-data/ami-id",
      "/latest/meta-data/__proto__",
      "/latest/meta-data/public-keys/1",
      "/latest/meta-data/public-keys/0=clus",
      "/latest/%zz",
      "/latest/openstack/meta_data.json",
    ]
  ) assertErrorPage(await service.get(target), 404, target);
  for (const path of ["nope", "2011-01-01/user_data", "latest/../latest"]) {
    const answer = await service.get(`/openstack/${path}`);
    assertEquals(answer.status, 404, path);
    assertEquals(answer.header("Content-Type"), "text/html; charset=UTF-8");
  }
  await using small = start({ tree: { "meta-data": { a: "b" } } });
  for (const target of ["/latest/dynamic", "/latest/user-data", "/openstack"]) {
    assertEquals((await small.get(target)).status, 404, target);
  }
});

Deno.test("simulator answers HEAD like GET but for the body", async () => {
  await using service = start({ now: () => 0 });
  const dateless = ({ headers }: Answer) =>
    headers.filter(([name]) => name.toLowerCase() !== "date")
      .map(([name, value]) => `${name.toLowerCase()}: ${value}`).toSorted();
  for (const target of ["/", "/nope", "/latest/user-data", "/openstack"]) {
    const get = await service.get(target);
    const head = await service.ask("HEAD", target);
    assertEquals(head.status, get.status, target);
    assertEquals(dateless(head), dateless(get), target);
    assertEquals(head.body.length, 0, target);
  }
});

Deno.test("simulator sends user data and the identity document with an ETag, user data as bytes", async () => {
  const tree = defaultTree();
  await using service = start({ tree });
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

Deno.test("simulator issues tokens and echoes their lifetime, or refuses it with 400", async () => {
  await using service = start();
  const ask = (...headers: string[]) =>
    service.ask("PUT", "/latest/api/token", ...headers);
  for (const ttl of [1, 21_600]) {
    const { status, headers, text } = await ask(`${TTL}: ${ttl}`);
    assertEquals(status, 200);
    assertEquals(headers[0], [
      "X-Aws-Ec2-Metadata-Token-Ttl-Seconds",
      String(ttl),
    ]);
    assertMatch(text, /^AQAEA[\w-]{49}==$/);
  }
  assertErrorPage(await ask(), 400);
  for (
    const ttl of ["", "0", "-1", "21601", "9".repeat(21), "1.5", "0x1", "6, 6"]
  ) assertErrorPage(await ask(`${TTL}: ${ttl}`), 400, ttl);
});

Deno.test("TokenStore keeps the newest 4,096 tokens", () => {
  const store = new TokenStore(() => 0);
  const tokens = Array.from({ length: 4_100 }, () => store.issue(100));
  const lost = tokens.filter((token) => store.remaining(token) === 0);
  assertEquals(lost, tokens.slice(0, 4));
});

Deno.test("simulator refuses PUT with 403 when forwarded or anywhere but at the token path", async () => {
  await using service = start();
  for (
    const [target, ...headers] of [
      ["/latest/api/token", "x-forwarded-for: "],
      ["/latest/api/token/"],
      ["//latest/api/token"],
      ["/2021-01-03/api/token"],
    ] as const
  ) {
    const all = [`${TTL}: 60`, ...headers];
    assertEmpty(await service.ask("PUT", target, ...all), 403);
  }
});

Deno.test("simulator takes a token until it expires, then answers 401", async () => {
  const clock = { now: 1_000_000 };
  await using service = start({ now: () => clock.now, requireV2: true });
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
  assertErrorPage(await service.get(region, header), 401);
});

Deno.test("simulator answers 401 to a wrong token, and to none where one is required", async () => {
  await using lenient = start();
  const answer = await lenient.get("/latest/meta-data/ami-id");
  assertEquals([answer.status, answer.header(TTL)], [200, undefined]);
  for (const token of ["wrong", "", "AQAEA==, AQAEA=="]) {
    assertErrorPage(await lenient.get("/nope", `${TOKEN}: ${token}`), 401);
  }
  await using strict = start({ requireV2: true });
  for (const target of ["/", "/latest/meta-data/ami-id", "/nope"]) {
    assertErrorPage(await strict.get(target), 401);
  }
  assertEquals((await strict.get("/openstack")).status, 200);
});

Deno.test("simulator answers OPTIONS and every other method with those allowed", async () => {
  await using service = start();
  for (
    const [target, allow, ...refused] of [
      ["/latest/api/token", "OPTIONS, PUT", "GET", "HEAD", "POST", "PATCH"],
      ["/latest/meta-data/", "OPTIONS, GET, HEAD", "POST", "DELETE"],
    ] as const
  ) {
    for (const method of ["OPTIONS", ...refused]) {
      const answer = await service.ask(method, target);
      assertEmpty(answer, method === "OPTIONS" ? 200 : 405);
      assertEquals(answer.header("Allow"), allow);
    }
  }
  const answer = await service.ask("PUT", "/openstack/latest/user_data");
  assertEquals(answer.status, 405);
  assertEquals(answer.header("Allow"), "GET, HEAD");
});

Deno.test("simulator serves OpenStack's files under every version with Nova's types", async () => {
  const tree = defaultTree();
  await using service = start({ tree });
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

Deno.test("simulator logs a line a request at debug, without tokens or queries", async () => {
  const { log, lines } = recordLog();
  await using service = start({ log });
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

Deno.test("startSimulator() names its address", async () => {
  await using service = start({ listen: { hostname: "::1", port: 0 } });
  const { url, address: { port } } = service.simulator;
  assertEquals(url, `http://[::1]:${port}`);
});

Deno.test("simulator stops when a client lingers, and stops twice", async () => {
  const { simulator } = start();
  using lingering = await Deno.connect({
    hostname: "127.0.0.1",
    port: simulator.address.port,
  });
  await lingering.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHo"));
  await simulator.stop();
  await simulator.stop();
});
