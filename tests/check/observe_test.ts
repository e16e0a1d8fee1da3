import { assert, assertEquals } from "@std/assert";
import {
  observe,
  placeOf,
  type Silence,
  type Source,
} from "../../lib/check/observe.ts";
import { UpstreamError } from "../../lib/proxy/upstream/upstream_error.ts";
import { askMetadata } from "../../lib/proxy/metadata_client.ts";
import {
  answer,
  nowhere,
  type Received,
  startUpstream,
} from "../helpers/upstream.ts";

const now = () => performance.now();

/** What was said at a port, without the times. */
async function look(port: number) {
  const { version, ttlTold, token, readings } = await observe(
    `http://127.0.0.1:${port}`,
    {
      ask: (question) => askMetadata({ ...question, timeoutMs: 60_000 }),
      ...{ now, until: Infinity, expectations: [] },
    },
  );
  return {
    version,
    ttlTold,
    token: token.silence ?? token.status,
    readings: readings.map(({ source, outcome, place }) => [
      source,
      outcome.silence ?? outcome.status,
      place,
    ]),
  };
}

function headerOf({ headers }: Received, name: string): string | undefined {
  return headers.find((one) => one[0].toLowerCase() === name)?.[1];
}

Deno.test("observe() asks for the longest token, then with it for region, zone and document", async () => {
  await using upstream = await startUpstream(({ method }, connection) =>
    connection.write(answer(method === "PUT" ? "SECRET\n" : "us-east-1"))
  );
  assertEquals(await look(upstream.address.port), {
    version: "v2",
    ttlTold: false,
    token: 200,
    readings: [
      ["region", 200, { region: "us-east-1" }],
      ["zone", 200, { zone: "us-east-1" }],
      ["document", 200, {}],
    ],
  });
  const [ttl, token] = ["-ttl-seconds", ""].map((end) =>
    `x-aws-ec2-metadata-token${end}`
  ) as [string, string];
  assertEquals(
    upstream.requests.map((request) => [
      request.method,
      request.target,
      headerOf(request, ttl) ?? headerOf(request, token),
    ]),
    [
      ["PUT", "/latest/api/token", "21600"],
      ["GET", "/latest/meta-data/placement/region", "SECRET"],
      ["GET", "/latest/meta-data/placement/availability-zone", "SECRET"],
      ["GET", "/latest/dynamic/instance-identity/document", "SECRET"],
    ],
  );
});

Deno.test("observe() goes on without a token where SDKs do, and asks no further otherwise", async (t) => {
  for (const status of [403, 404, 405, 400, 401, 500, 504]) {
    await t.step(`${status}`, async () => {
      await using upstream = await startUpstream(({ method }, connection) =>
        connection.write(
          method === "PUT"
            ? answer("", [], `${status} No`)
            : answer("us-east-1"),
        )
      );
      const { version, token } = await look(upstream.address.port);
      const isV1 = [403, 404, 405].includes(status);
      assertEquals([version, token], [isV1 ? "v1" : undefined, status]);
      const [, ...gets] = upstream.requests;
      assertEquals(gets.length, isV1 ? 3 : 0);
      for (const get of gets) {
        assertEquals(headerOf(get, "x-aws-ec2-metadata-token"), undefined);
      }
    });
  }
});

Deno.test("observe() gives each question the time of an SDK or what is left, and ends with the first silence", async () => {
  let time = 0;
  const given: number[] = [];
  const { token, readings } = await observe("http://h", {
    ask: ({ method, timeoutMs }) => {
      given.push(timeoutMs);
      time += 900;
      return method === "PUT"
        ? Promise.resolve({
          status: 404,
          headers: new Map(),
          body: new Uint8Array(),
        })
        : Promise.reject(
          new Error("no", { cause: new UpstreamError("late", "no") }),
        );
    },
    now: () => time,
    until: 1_200,
    expectations: [],
  });
  assertEquals(given, [1_000, 300]);
  assertEquals([token.ms, token.status], [900, 404]);
  assertEquals(readings.map(({ outcome }) => outcome.silence), ["timeout"]);
});

Deno.test("observe() has a silence judged as no answer at all", async () => {
  const judged: number[] = [];
  const { expectations } = await observe("http://h", {
    ask: ({ target }) =>
      target === "/x" ? Promise.reject(new Error("no")) : Promise.resolve({
        status: 404,
        headers: new Map(),
        body: new Uint8Array(),
      }),
    now,
    until: Infinity,
    expectations: ["/x", "/y"].map((target) => ({
      what: target,
      target,
      judge: ({ status }) => {
        judged.push(status);
        return { met: false, expected: "an answer" };
      },
    })),
  });
  assertEquals([judged, expectations.length], [[0], 1]);
});

Deno.test("observe() knows the system's reasons", async () => {
  assertEquals((await look(nowhere().port)).token, "refused");
  await using upstream = await startUpstream((_, connection) =>
    connection.reset()
  );
  assertEquals((await look(upstream.address.port)).token, "other");
  for (
    const [code, silence] of [
      ["ENETUNREACH", "no route"],
      ["EHOSTUNREACH", "no route"],
      ["ETIMEDOUT", "timeout"],
      ["EPERM", "other"],
      ["failed to lookup address information: no", "unknown name"],
    ] satisfies [string, Silence][]
  ) {
    // The resolver's errors have no code.
    const cause = code.includes(" ")
      ? new Error(code)
      : Object.assign(new Error("no"), { code });
    const { token: { ms, ...token }, readings } = await observe("http://h", {
      ask: () => Promise.reject(new Error("no", { cause })),
      now,
      until: Infinity,
      expectations: [],
    });
    assert(ms >= 0);
    assertEquals([token, readings], [{ silence, reason: code }, []]);
  }
});

const ANSWERS: readonly (readonly [Source, number, string, unknown])[] = [
  ["region", 200, "us-east-1\n", { region: "us-east-1" }],
  ["region", 404, "us-east-1", {}],
  ["region", 200, "", {}],
  ["region", 200, "<html>us-east-1</html>", {}],
  ["region", 200, "us-east-1\nus-west-2", {}],
  ["zone", 200, "us-east-1a", { zone: "us-east-1a" }],
  ["document", 200, `{"region":"r1"}`, { region: "r1" }],
  [
    "document",
    200,
    `{"region" : "r1", "availabilityZone" : "r1a"}`,
    { region: "r1", zone: "r1a" },
  ],
  ["document", 200, `{"region":1,"availabilityZone":null}`, {}],
  ["document", 200, `{"region":"\\u001b[31m"}`, {}],
  ["document", 200, "null", {}],
  ["document", 200, "[]", {}],
  ["document", 200, "us-east-1", {}],
  ["document", 403, `{"region":"r1"}`, {}],
];

Deno.test("placeOf() reads names and nothing else", () => {
  for (const [source, status, text, expected] of ANSWERS) {
    const body = new TextEncoder().encode(text);
    const place = placeOf(source, { status, headers: new Map(), body });
    assertEquals<unknown>(place, expected, `${source} ${status} ${text}`);
  }
});
