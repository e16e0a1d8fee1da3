import { assert, assertEquals, assertMatch } from "@std/assert";
import { stopClock } from "../helpers/clock.ts";
import { renderMetrics } from "../../lib/admin/metrics.ts";
import alerts from "../../lib/manifests/alerts.json" with { type: "json" };
import { Meters } from "../../lib/system/meters.ts";
import { sourceFiles } from "../helpers/files.ts";
import { until } from "../helpers/node.ts";
import { parsePrometheus } from "../helpers/prometheus.ts";
import { ask, get, valuesOf } from "../helpers/raw.ts";
import { answer, nowhere, startUpstream } from "../helpers/upstream.ts";
import { type AdminUnderTest, startAdmin } from "./under_test.ts";

/** Every sample that is not nothing, the upstream's times left out. */
async function counted(it: AdminUnderTest): Promise<Record<string, number>> {
  const { status, body, headers } = await it.ask("/metrics");
  assertEquals(status, 200);
  assertEquals(valuesOf({ headers }, "content-type"), [
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const samples = [...parsePrometheus(body)].flatMap(([, family]) => [
    ...family.samples,
  ]);
  return Object.fromEntries(
    samples.filter(([name, value]) =>
      value !== 0 &&
      !/_(?:bucket|sum)\b|_(?:build_info|start_time_seconds)\b/.test(name)
    ).map(([name, value]) => [name.replace(/^c2s_imds_/, ""), value]),
  );
}

/** The names of all samples. */
async function series(it: AdminUnderTest): Promise<readonly string[]> {
  return [...parsePrometheus((await it.ask("/metrics")).body).values()]
    .flatMap(({ samples }) => [...samples.keys()]);
}

const SECRET = "AQAEAsecretsecretsecret==";

Deno.test("/metrics has exactly what happened, and nothing of a request", async () => {
  await using upstream = await startUpstream(async ({ target }, connection) => {
    if (target.endsWith("/region")) {
      await connection.write(answer("us-east-1"));
    } else if (target.endsWith("/large")) {
      await connection.write(answer("us-east-1 ".repeat(20_000)));
    } else if (target.endsWith("/plain")) {
      await connection.write(answer("x".repeat(200_000)));
    } else if (target.endsWith("/none")) {
      await connection.write(answer("", [], "404 Not Found"));
    } else if (target.endsWith("/broken")) connection.reset();
    else await connection.write(answer("instance"));
  });
  await using it = await startAdmin(upstream.address, { timeoutMs: 60_000 });
  const send = (target: string, ...lines: string[]) =>
    ask(it.address, get(target, ...lines));
  assertEquals(await counted(it), {});
  const before = await series(it);

  for (let i = 0; i < 3; i++) await send("/latest/meta-data/region");
  await send(
    `/latest/meta-data/tags/instance/evil"}1?q=${SECRET}`,
    `X-aws-ec2-metadata-token: ${SECRET}`,
    "User-Agent: evil-agent",
  );
  await send("/latest/meta-data/large");
  await send("/latest/meta-data/plain");
  await send("/latest/meta-data/none");
  await send("/latest/meta-data/broken");
  await send("/latest/meta-data/region", "Origin: http://evil.example");
  await ask(it.address, "POST /evil HTTP/1.1\r\nHost: h\r\n\r\n");
  await ask(
    it.address,
    "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n",
  );
  await it.ask("/readyz");
  await it.ask("/nothing");
  // A stream is counted once its last byte is taken.
  assertEquals(await counted(it), {
    'requests_total{code="2xx"}': 6,
    'requests_total{code="4xx"}': 4,
    'requests_total{code="5xx"}': 1,
    'refused_requests_total{code="403"}': 1,
    'refused_requests_total{code="405"}': 1,
    'refused_requests_total{code="413"}': 1,
    rewritten_answers_total: 4,
    'upstream_failures_total{fault="broken"}': 1,
    upstream_duration_seconds_count: 8,
  });
  const { body } = await it.ask("/metrics");
  for (const word of ["evil", SECRET, "region", "meta-data", "instance"]) {
    assertEquals(body.includes(word), false, word);
  }
  assertEquals(await series(it), before);
});

Deno.test("/metrics counts what was used again and what was shared", async () => {
  // Who comes later than 250 ms does not share.
  using _clock = await stopClock();
  const held = Promise.withResolvers<void>();
  await using upstream = await startUpstream(async ({ target }, connection) => {
    if (target === "/held") await held.promise;
    await connection.write(answer("us-east-1"));
  });
  await using it = await startAdmin(upstream.address, { cacheMs: 60_000 });
  const first = ask(it.address, get("/held"));
  await until("the first request", () => upstream.requests.length > 0);
  const others = Array.from({ length: 4 }, () => ask(it.address, get("/held")));
  await until("the other requests", () => it.proxy.requests === 5);
  held.resolve();
  await Promise.all([first, ...others]);
  for (let i = 0; i < 7; i++) await ask(it.address, get("/held"));
  assertEquals(await counted(it), {
    'requests_total{code="2xx"}': 12,
    rewritten_answers_total: 12,
    shared_requests_total: 4,
    cache_hits_total: 7,
    upstream_duration_seconds_count: 1,
  });
});

Deno.test("/metrics counts the upstream's faults by their kind, and a request that came back as a loop", async () => {
  await using upstream = await startUpstream(() => {});
  const own = nowhere();
  for (
    const [address, given, status, metric] of [
      [
        upstream.address,
        { timeoutMs: 50 },
        504,
        'upstream_failures_total{fault="late"}',
      ],
      [nowhere(), {}, 502, 'upstream_failures_total{fault="unreachable"}'],
      [own, { listen: [own] }, 508, "loops_total"],
    ] as const
  ) {
    await using it = await startAdmin(address, given);
    assertEquals((await ask(it.address, get("/x"))).status, status);
    assertEquals((await counted(it))[metric], 1);
  }
});

Deno.test("renderMetrics() has times in their buckets, the rule where there is one, and the build", () => {
  const meters = new Meters();
  for (const seconds of [0.25, 0.5]) meters.upstreamTime.observe(seconds);
  const parts = { meters, build: {}, startedAt: 1_500 };
  const bare = parsePrometheus(renderMetrics(parts));
  assertEquals([...bare.keys()].filter((name) => name.includes("rule")), []);
  const families = parsePrometheus(renderMetrics({
    ...parts,
    build: { version: "1.2.3", commit: 'odd"\\\n' },
    rule: { repairs: 3, failures: 1, isInPlace: true },
  }));
  const samples = [...families.values()].flatMap((it) => [...it.samples]);
  const at = Object.fromEntries(
    samples.map(([name, value]) => [name.replace(/^c2s_imds_/, ""), value]),
  );
  const expected = {
    'upstream_duration_seconds_bucket{le="0.2"}': 0,
    // A bound belongs to its bucket.
    'upstream_duration_seconds_bucket{le="0.5"}': 2,
    'upstream_duration_seconds_bucket{le="+Inf"}': 2,
    upstream_duration_seconds_sum: 0.75,
    rule_repairs_total: 3,
    rule_failures_total: 1,
    rule_in_place: 1,
    'build_info{version="1.2.3",commit="odd\\"\\\\\\n"}': 1,
    start_time_seconds: 1.5,
  };
  assertEquals({ ...at, ...expected }, at);
  for (const [name, { help }] of families) {
    assertMatch(name, /^c2s_imds_[a-z_]+$/);
    assertMatch(help, /^[A-Z].*[^.]$/);
  }
  const [page] = sourceFiles("docs/monitoring.md");
  const listed = page?.text.matchAll(/^- `(c2s_imds_\w+)` \((\w+)/gm) ?? [];
  assertEquals(
    Array.from(listed, ([, name, type]) => `${name} ${type}`).sort(),
    [...families].map(([name, { type }]) => `${name} ${type}`).sort(),
  );
  // The alerts ask for no others.
  const named = JSON.stringify(alerts).match(/\bc2s_imds_\w+/g) ?? [];
  assert(named.length > 3, `Only ${named.length} were found`);
  assertEquals(named.filter((name) => !families.has(name)), []);
});
