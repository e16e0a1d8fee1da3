import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ListenError } from "../../lib/config/address.ts";
import { startServing } from "../../lib/admin/serving.ts";
import { stopClock } from "../helpers/clock.ts";
import { recordLog } from "../helpers/log.ts";
import { ask, valuesOf } from "../helpers/raw.ts";
import {
  answer,
  nowhere,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { adminConfig, startAdmin } from "./under_test.ts";

function startService(): Promise<RawUpstream> {
  return startUpstream((_, connection) =>
    connection.write(answer("us-east-1"))
  );
}

Deno.test("startServing() says that the process is alive without asking anybody, and asks the upstream whether it is ready", async () => {
  await using upstream = await startService();
  await using it = await startAdmin(upstream.address);
  const { status, headers, body } = await it.ask("/healthz");
  assertEquals([status, body], [200, "ok\n"]);
  assertEquals(valuesOf({ headers }, "cache-control"), ["no-store"]);
  assertEquals(upstream.requests, []);
  const ready = await it.ask("/readyz");
  assertEquals([ready.status, ready.body], [200, "proxy: ok\nupstream: ok\n"]);
  // Without a token.
  assertEquals(upstream.requests.map(({ raw }) => raw), [
    `GET / HTTP/1.1\r\nhost: 127.0.0.1:${upstream.address.port}\r\nConnection: close\r\n\r\n`,
  ]);
});

/** What is said of an upstream, by what it answers. */
const UPSTREAMS: readonly (readonly [answer: string, fault: RegExp])[] = [
  [answer("", [], "401 Unauthorized"), /^ok$/],
  [answer("x", [], "503 Service Unavailable"), /^answered with status 503$/],
  ["us-east-1 is not HTTP\r\n\r\n", /^(?!ok$|.*us-east-1)/],
  ["", /^no answer within 2 s$/],
];

Deno.test("startServing() is ready where the upstream is", async () => {
  using clock = await stopClock();
  for (const [text, fault] of UPSTREAMS) {
    await using upstream = await startUpstream(async (_, connection) => {
      if (text === "") return clock.advance(2_000);
      await connection.write(text);
      connection.end();
    });
    await using it = await startAdmin(upstream.address);
    const { status, body } = await it.ask("/readyz");
    assertMatch(/^proxy: ok\nupstream: (.+)\n$/.exec(body)?.[1] ?? "", fault);
    assertEquals(status, fault.test("ok") ? 200 : 503);
  }
  await using it = await startAdmin(nowhere());
  const { status, body } = await it.ask("/readyz");
  assertEquals(
    [status, body],
    [503, "proxy: ok\nupstream: cannot be reached: ECONNREFUSED\n"],
  );
});

Deno.test("startServing() says of the rule what it is told, and is not ready any more once it is to stop", async () => {
  await using upstream = await startService();
  const tally = { repairs: 0, failures: 0 };
  const rule = { tally, fault: () => Promise.resolve("absent") };
  await using it = await startAdmin(upstream.address, {}, rule);
  it.proxy.closing();
  const { status, body } = await it.ask("/readyz");
  assertEquals(
    [status, body],
    [503, "proxy: stopping\nupstream: ok\nrule: absent\n"],
  );
});

Deno.test("/metrics has the rule in place only where it is known to be", async () => {
  await using upstream = await startService();
  const tally = { repairs: 0, failures: 0 };
  using clock = await stopClock();
  for (const [found, value] of [["ok", 1], ["absent", 0], ["late", 0]]) {
    const asked = Promise.withResolvers<void>();
    const fault = async () => {
      asked.resolve();
      if (found === "late") await new Promise(() => {});
      return found === "ok" ? undefined : `${found}`;
    };
    await using it = await startAdmin(upstream.address, {}, { tally, fault });
    const answered = it.ask("/metrics");
    await asked.promise;
    if (found === "late") clock.advance(2_000);
    const { body } = await answered;
    assertStringIncludes(body, `\nc2s_imds_rule_in_place ${value}\n`);
  }
});

/** The status of what is asked for, by its first line and one of its headers. */
const ASKED: Readonly<Record<number, readonly string[]>> = {
  200: [
    ...["GET /healthz", "GET /metrics Host: 127.0.0.1:4001"],
    ...["GET /healthz?x=us-east-1", "GET /healthz Host: [::1]:1"],
    ...["HEAD /healthz", "HEAD /metrics Host: localhost:4001"],
  ],
  404: [
    ...["GET /", "GET /latest/meta-data/placement/region", "GET /metrics/"],
    ...["GET //metrics", "GET /Metrics", "GET /%6detrics"],
    ...["GET /constructor", "GET /__proto__"],
  ],
  405: [
    ...["POST /healthz", "PUT /healthz", "DELETE /healthz"],
    ...["OPTIONS /healthz", "PATCH /healthz"],
  ],
  403: [
    ...["GET /metrics Origin: http://a", "GET /healthz Origin: null"],
    ...["GET /metrics Sec-Fetch-Site: none", "GET /metrics Host: h"],
    "GET /metrics Host: localhost.evil.example:4001",
  ],
};

Deno.test("startServing() answers administrators nothing else", async () => {
  await using upstream = await startService();
  // What browsers may ask the proxy they may not ask here.
  const given = { allowBrowsers: true };
  await using it = await startAdmin(upstream.address, given);
  for (const [expected, questions] of Object.entries(ASKED)) {
    for (const question of questions) {
      const [method = "", path, name = "Accept:", value = "*/*"] = question
        .split(" ");
      const host = name === "Host:" ? "" : "Host: localhost\r\n";
      const { status, body, headers } = await ask(
        it.admin,
        `${method} ${path} HTTP/1.1\r\n${host}${name} ${value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      assertEquals(status, Number(expected), question);
      if (method === "HEAD") assertEquals(body, "");
      if (status === 404) {
        assertMatch(body, /\/healthz, \/readyz, \/metrics\n$/);
      }
      const allowed = status === 405 ? ["GET, HEAD"] : [];
      assertEquals(valuesOf({ headers }, "allow"), allowed);
    }
  }
  assertEquals(upstream.requests, []);
});

Deno.test("startServing() shows nothing of it through the proxy", async () => {
  await using upstream = await startUpstream((request, connection) =>
    connection.write(answer(`asked for ${request.target}`))
  );
  await using it = await startAdmin(upstream.address);
  const host = `127.0.0.1:${it.admin.port}`;
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    for (
      const request of [
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
        `GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      ]
    ) {
      const { status, body } = await ask(it.address, request);
      assertEquals([status, body], [200, `asked for ${path}`]);
    }
  }
});

Deno.test("startServing() listens nowhere when administrators' port is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const own = nowhere();
  await assertRejects(
    () =>
      startServing(
        adminConfig(nowhere(), {
          listen: [own],
          admin: { hostname: "127.0.0.1", port },
        }),
        { log: recordLog().log, build: {} },
      ),
    ListenError,
    `Cannot listen on 127.0.0.1:${port}: another program has it`,
  );
  // It listens at neither: Deno would say that the test leaks it.
});
