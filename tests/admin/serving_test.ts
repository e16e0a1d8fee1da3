import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { startServing } from "../../lib/admin/serving.ts";
import { createLog } from "../../lib/observe/log.ts";
import { ask, get, valuesOf } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { adminConfig, startAdmin } from "./under_test.ts";

function startService(): Promise<RawUpstream> {
  return startUpstream((_, connection) =>
    connection.write(answer("us-east-1"))
  );
}

/** An address at which nobody listens. */
function nowhere() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr as Deno.NetAddr;
  return { hostname, port };
}

Deno.test("startServing() says that the process is alive without asking anybody", async () => {
  await using upstream = await startService();
  await using it = await startAdmin(upstream.address);
  const { status, headers, body } = await it.ask("/healthz");
  assertEquals([status, body], [200, "ok\n"]);
  assertEquals(valuesOf({ headers }, "cache-control"), ["no-store"]);
  assertEquals(upstream.requests, []);
});

Deno.test("startServing() asks the upstream whether it is ready, without a token", async () => {
  await using upstream = await startService();
  await using it = await startAdmin(upstream.address);
  const { status, body } = await it.ask("/readyz");
  assertEquals([status, body], [200, "proxy: ok\nupstream: ok\n"]);
  assertEquals(upstream.requests.map(({ raw }) => raw), [
    `GET / HTTP/1.1\r\nhost: 127.0.0.1:${upstream.address.port}\r\nConnection: close\r\n\r\n`,
  ]);
});

Deno.test("startServing() asks the upstream once for all who ask it at one moment", async () => {
  const asked = Promise.withResolvers<void>();
  await using upstream = await startUpstream(async (_, connection) => {
    await asked.promise;
    await connection.write(answer("1.0"));
  });
  await using it = await startAdmin(upstream.address);
  const answers = Array.from({ length: 50 }, () => it.ask("/readyz"));
  setTimeout(asked.resolve, 200);
  for (const { status } of await Promise.all(answers)) {
    assertEquals(status, 200);
  }
  assertEquals((await it.ask("/readyz")).status, 200);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("startServing() is ready when the service refuses who has no token", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("", [], "401 Unauthorized"))
  );
  await using it = await startAdmin(upstream.address);
  assertEquals((await it.ask("/readyz")).status, 200);
});

Deno.test("startServing() is not ready when the upstream is not", async (t) => {
  await t.step("nobody listens there", async () => {
    await using it = await startAdmin(nowhere());
    const { status, body } = await it.ask("/readyz");
    assertEquals(
      [status, body],
      [503, "proxy: ok\nupstream: cannot be reached: ECONNREFUSED\n"],
    );
    assertEquals((await it.ask("/healthz")).status, 200);
  });

  await t.step("it does not answer within 2 s", async () => {
    await using upstream = await startUpstream(() => {});
    await using it = await startAdmin(upstream.address);
    const started = performance.now();
    const { status, body } = await it.ask("/readyz");
    assertEquals(
      [status, body],
      [503, "proxy: ok\nupstream: no answer within 2 s\n"],
    );
    assert(performance.now() - started < 4_000);
  });

  await t.step("it answers that it cannot", async () => {
    await using upstream = await startUpstream((_, connection) =>
      connection.write(answer("x", [], "503 Service Unavailable"))
    );
    await using it = await startAdmin(upstream.address);
    const { status, body } = await it.ask("/readyz");
    assertEquals(
      [status, body],
      [503, "proxy: ok\nupstream: answered with status 503\n"],
    );
  });

  await t.step("it sends what is no answer", async () => {
    await using upstream = await startUpstream(async (_, connection) => {
      await connection.write("us-east-1 is not HTTP\r\n\r\n");
      connection.end();
    });
    await using it = await startAdmin(upstream.address);
    const { status, body } = await it.ask("/readyz");
    assertEquals(status, 503);
    assertMatch(body, /^proxy: ok\nupstream: .+\n$/);
    assertEquals(body.includes("us-east-1"), false);
  });
});

Deno.test("startServing() says of the rule what it is told", async () => {
  await using upstream = await startService();
  const rule = {
    tally: { repairs: 0, failures: 0 },
    fault: () => Promise.resolve("absent"),
  };
  await using it = await startAdmin(upstream.address, {}, rule);
  const { status, body } = await it.ask("/readyz");
  assertEquals(
    [status, body],
    [503, "proxy: ok\nupstream: ok\nrule: absent\n"],
  );
});

Deno.test("startServing() is not ready any more once it is to stop", async () => {
  await using upstream = await startService();
  await using it = await startAdmin(upstream.address);
  it.proxy.closing();
  const { status, body } = await it.ask("/readyz");
  assertEquals([status, body], [503, "proxy: stopping\nupstream: ok\n"]);
});

Deno.test("startServing() answers administrators nothing else", async (t) => {
  await using upstream = await startService();
  await using it = await startAdmin(upstream.address);
  for (
    const path of [
      ...["/", "/latest/meta-data/placement/region", "/metrics/", "//metrics"],
      ...["/Metrics", "/%6detrics", "/constructor", "/__proto__"],
    ]
  ) {
    await t.step(`404 to ${path}`, async () => {
      const { status, body } = await it.ask(path);
      assertEquals(status, 404);
      assertEquals(
        body,
        "c2s-imds: Not found: expected /healthz, /readyz, /metrics\n",
      );
    });
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    await t.step(`405 to ${method}`, async () => {
      const { status, headers } = await ask(
        it.admin,
        `${method} /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n`,
      );
      assertEquals(status, 405);
      assertEquals(valuesOf({ headers }, "allow"), ["GET, HEAD"]);
    });
  }
  for (const line of ["Origin: http://a", "Sec-Fetch-Site: none"]) {
    await t.step(`403 to ${line}`, async () => {
      assertEquals((await it.ask("/metrics", line)).status, 403);
    });
  }
  await t.step("403 to another Host", async () => {
    assertEquals((await ask(it.admin, get("/metrics"))).status, 403);
  });
  await t.step("403 even where browsers may ask the proxy", async () => {
    await using open = await startAdmin(upstream.address, {
      allowBrowsers: true,
    });
    assertEquals((await open.ask("/healthz", "Origin: null")).status, 403);
  });
  await t.step("no body to HEAD", async () => {
    for (const path of ["/healthz", "/metrics"]) {
      const { status, body } = await ask(
        it.admin,
        `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assertEquals([status, body], [200, ""]);
    }
  });
  await t.step("nothing of a query", async () => {
    assertEquals((await it.ask("/healthz?x=us-east-1")).status, 200);
  });
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
  const error = await assertRejects(
    () =>
      startServing(
        adminConfig(nowhere(), {
          listen: [own],
          admin: { hostname: "127.0.0.1", port },
        }),
        {
          log: createLog({ level: "error", format: "text", write: () => {} }),
          build: {},
        },
      ),
    Error,
    `Cannot listen on 127.0.0.1:${port}`,
  );
  assert(error.cause instanceof Deno.errors.AddrInUse);
  await assertRejects(() => Deno.connect(own), Deno.errors.ConnectionRefused);
});

Deno.test("startServing() opens nothing for administrators unless told", async () => {
  await using upstream = await startService();
  const lines: string[] = [];
  const { admin: _, ...config } = adminConfig(upstream.address);
  const proxy = await startServing(config, {
    log: createLog({
      level: "debug",
      format: "text",
      write: (line) => lines.push(line),
    }),
    build: {},
  });
  const [address] = proxy.addresses;
  assert(address !== undefined);
  assertStringIncludes((await ask(address, get("/x"))).body, "us-iso-east-1");
  await proxy.shutdown();
  assertEquals(lines.filter((line) => line.includes("administrators")), []);
});
