import { assert, assertEquals, assertMatch } from "@std/assert";
import { askMetadata } from "../../lib/system/metadata_client.ts";
import {
  type Observation,
  observe,
  placeOf,
  type Source,
} from "../../lib/check/observe.ts";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { answer, type Received, startUpstream } from "../helpers/upstream.ts";

const now = () => performance.now();

function look(url: string, withinMs = 5_000): Promise<Observation> {
  return observe(url, { ask: askMetadata, now, until: now() + withinMs });
}

function urlOf(address: { readonly port: number }): string {
  return `http://127.0.0.1:${address.port}`;
}

function headerOf({ headers }: Received, name: string): string | undefined {
  return headers.find((one) => one[0].toLowerCase() === name)?.[1];
}

/** What was said, without the times. */
function told({ version, ttlTold, token, sights }: Observation) {
  return {
    version,
    ttlTold,
    token: "status" in token ? token.status : token.silence,
    sights: sights.map(({ source, outcome, place }) => [
      source,
      "status" in outcome ? outcome.status : outcome.silence,
      place,
    ]),
  };
}

Deno.test("observe() sees region, zone and document with a token", async () => {
  await using simulator = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2: true,
  });
  const observation = await look(simulator.url);
  const region = "us-east-1";
  const zone = "us-east-1a";
  assertEquals(told(observation), {
    version: "v2",
    ttlTold: true,
    token: 200,
    sights: [
      ["region", 200, { region }],
      ["zone", 200, { zone }],
      ["document", 200, { region, zone }],
    ],
  });
  const times = [
    observation.token,
    ...observation.sights.map(({ outcome }) => outcome),
  ].map(({ ms }) => ms);
  assert(times.every((ms) => ms > 0 && ms < 5_000), times.join(" "));
});

Deno.test("observe() asks for the longest token, uses it, and does not keep it", async () => {
  await using upstream = await startUpstream(({ method }, connection) =>
    connection.write(answer(method === "PUT" ? "SECRET\n" : "us-east-1"))
  );
  const observation = await look(urlOf(upstream.address));
  const [put, ...gets] = upstream.requests;
  assert(put !== undefined);
  assertEquals(put.method, "PUT");
  assertEquals(
    headerOf(put, "x-aws-ec2-metadata-token-ttl-seconds"),
    "21600",
  );
  assertEquals(
    gets.map((request) => [
      request.target,
      headerOf(request, "x-aws-ec2-metadata-token"),
    ]),
    [
      ["/latest/meta-data/placement/region", "SECRET"],
      ["/latest/meta-data/placement/availability-zone", "SECRET"],
      ["/latest/dynamic/instance-identity/document", "SECRET"],
    ],
  );
  assertEquals(observation.ttlTold, false);
  assert(!JSON.stringify(observation).includes("SECRET"));
});

for (const status of [403, 404, 405]) {
  Deno.test(`observe() goes on without a token when the answer to PUT is ${status}`, async () => {
    await using upstream = await startUpstream(({ method }, connection) =>
      connection.write(
        method === "PUT" ? answer("", [], `${status} No`) : answer("us-east-1"),
      )
    );
    const { version, sights } = await look(urlOf(upstream.address));
    assertEquals(version, "v1");
    assertEquals(sights.length, 3);
    const [, get] = upstream.requests;
    assert(get !== undefined);
    assertEquals(headerOf(get, "x-aws-ec2-metadata-token"), undefined);
  });
}

for (const status of [400, 401, 500, 502, 504]) {
  Deno.test(`observe() asks no further when the answer to PUT is ${status}`, async () => {
    await using upstream = await startUpstream((_, connection) =>
      connection.write(answer("", [], `${status} No`))
    );
    assertEquals(told(await look(urlOf(upstream.address))), {
      version: undefined,
      ttlTold: false,
      token: status,
      sights: [],
    });
    assertEquals(upstream.requests.length, 1);
  });
}

Deno.test("observe() tells of a refused connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = urlOf(listener.addr);
  listener.close();
  const { token, sights } = await look(url);
  assert("silence" in token);
  assertEquals([token.silence, token.reason], ["refused", "ECONNREFUSED"]);
  assertEquals(sights, []);
});

Deno.test("observe() tells of an answer that does not come in time", async () => {
  await using upstream = await startUpstream(({ method }, connection) =>
    method === "PUT" ? connection.write(answer("token")) : undefined
  );
  const start = now();
  const observation = await look(urlOf(upstream.address), 300);
  assert(now() - start < 1_000);
  assertEquals(told(observation).sights, [["region", "timeout", {}]]);
});

Deno.test("observe() tells of a connection that breaks", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.reset()
  );
  const { token } = await look(urlOf(upstream.address));
  assert("silence" in token);
  assertEquals(token.silence, "other");
  assertMatch(token.reason, /\S/);
});

Deno.test("observe() knows the system's reasons", async (t) => {
  for (
    const [code, silence] of [
      ["ENETUNREACH", "no route"],
      ["EHOSTUNREACH", "no route"],
      ["ETIMEDOUT", "timeout"],
      ["ENOTFOUND", "unknown name"],
      ["EAI_AGAIN", "unknown name"],
      ["EPERM", "other"],
    ] as const
  ) {
    await t.step(code, async () => {
      const cause = Object.assign(new Error("no"), { code });
      const observation = await observe("http://h", {
        ask: () =>
          Promise.reject(new Error(`Cannot ask http://h: ${code}`, { cause })),
        now,
        until: Infinity,
      });
      const { token } = observation;
      assert("silence" in token);
      assertEquals([token.silence, token.reason], [silence, code]);
    });
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

Deno.test("placeOf() reads names and nothing else", async (t) => {
  for (const [source, status, text, expected] of ANSWERS) {
    await t.step(`${source} ${status} ${JSON.stringify(text)}`, () => {
      const body = new TextEncoder().encode(text);
      const answer = { status, headers: new Map(), body };
      assertEquals<unknown>(placeOf(source, answer), expected);
    });
  }
  assertEquals(placeOf("region", undefined), {});
});
