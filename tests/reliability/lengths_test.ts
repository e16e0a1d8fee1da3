import { assert, assertEquals, assertMatch } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const POISON = answer("POISON");
const LARGE = "x".repeat(200_000);

/** What becomes of a lie: a status, and `+` for a whole body. */
type Gets = "200+" | "200" | "204+" | "304+" | "502+" | "504+";

/** What an upstream says of a body, and what its own client gets. */
type Lie = readonly [
  name: string,
  text: string,
  gets: Gets,
  how?: {
    /** Whether the upstream closes after it. */
    readonly closes?: true;
    /** Another method than GET. */
    readonly method?: "HEAD" | "PUT";
  },
];

const SHORT = `${OK}Content-Length: 20\r\n\r\nus-east-1`;
const CLOSES = { closes: true } as const;

/** What chunks and heads may be, tests/proxy/upstream has. */
const LIES: readonly Lie[] = [
  ["a length too short", answer("us-east-1") + "POISON", "200+"],
  ["an answer behind one", answer("us-east-1") + POISON, "200+"],
  ["a length of nothing", `${OK}Content-Length: 0\r\n\r\n${POISON}`, "200+"],
  ["a length too long", SHORT, "504+"],
  ["a length too long, then the end", SHORT, "502+", CLOSES],
  [
    "a length too long for a large body, then the end",
    `${OK}Content-Length: 200001\r\n\r\n${LARGE}`,
    "200",
    CLOSES,
  ],
  [
    "a length no memory holds",
    `${OK}Content-Length: 999999999999999\r\n\r\n${LARGE}`,
    "200",
    CLOSES,
  ],
  [
    "chunks and a length",
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n` +
    POISON,
    "502+",
  ],
  ["a chunk too short", `${CHUNKED}8\r\nus-east-1\r\n0\r\n\r\n`, "502+"],
  ["no last chunk", `${CHUNKED}9\r\nus-east-1\r\n`, "504+"],
  ["no last chunk, an end", `${CHUNKED}9\r\nus-east-1\r\n`, "502+", CLOSES],
  [
    "an answer after the last chunk",
    `${CHUNKED}9\r\nus-east-1\r\n0\r\n\r\n${POISON}`,
    "200+",
  ],
  [
    "a body with 204",
    `HTTP/1.1 204 None\r\nContent-Length: 70\r\n\r\n${POISON}`,
    "204+",
  ],
  [
    "a body with 304",
    `HTTP/1.1 304 Same\r\nContent-Length: 70\r\n\r\n${POISON}`,
    "304+",
  ],
  [
    "a body with HEAD",
    answer("us-east-1") + POISON,
    "200+",
    { method: "HEAD" },
  ],
  [
    "a body with an interim answer",
    `HTTP/1.1 103 Early\r\nContent-Length: ${POISON.length}\r\n\r\n` +
    answer("us-east-1") + POISON,
    "200+",
  ],
  ["two answers to PUT", answer("token") + POISON, "200+", { method: "PUT" }],
];

/** Asks on one connection again and again until it is told to stop. */
async function victim(
  address: Deno.NetAddr,
  name: string,
  going: () => boolean,
): Promise<number> {
  using client = await RawClient.connect(address);
  let count = 0;
  for (; going(); count++) {
    await client.send(get(`/victim/${name}/${count}`));
    const { status, body } = await client.answer();
    assertEquals([status, body], [200, `/victim/${name}/${count}`]);
  }
  return count;
}

Deno.test("startProxy() shows no lie of an upstream about lengths to anyone but who asked for it", async () => {
  const lies = new Map(LIES.map((lie, i) => [`/lie/${i}`, lie]));
  await using upstream = await startUpstream(
    async ({ target }, connection) => {
      const [, text = answer(target), , how] = lies.get(target) ?? [];
      await connection.write(text);
      if (how?.closes) connection.end();
    },
  );
  await using proxy = await startUnderTest(upstream.address, {
    timeoutMs: 2_000,
  });
  let going = true;
  const victims = Promise.all(
    // Two of them ask for the same, so that answers are shared, too.
    ["a", "a", "b"].map((name) => victim(proxy.address, name, () => going)),
  );
  // A lie that is shown is told first.
  victims.catch(() => {});
  try {
    for (const [target, [name, , gets, { method = "GET" } = {}]] of lies) {
      using client = await RawClient.connect(proxy.address);
      await client.send(`${method} ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      const got = await client.answer(method);
      assertEquals(`${got.status}${got.complete ? "+" : ""}`, gets, name);
      assert(!got.body.includes("POISON"), name);
      if (!got.complete) continue;
      await client.send(get(`/after/${target}`));
      assertEquals((await client.answer()).body, `/after/${target}`, name);
    }
  } finally {
    going = false;
  }
  for (const count of await victims) assert(count > 0);
  for (const line of proxy.warnings) assertMatch(line, /target=\/lie\//);
});
