import { assert, assertEquals, assertMatch } from "@std/assert";
import { get, RawClient } from "../helpers/raw.ts";
import { answer, type Connection, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const POISON = answer("POISON");
const LARGE = "x".repeat(200_000);

/** What an upstream says of a body, and what becomes of it. */
interface Lie {
  readonly name: string;
  readonly text: string;
  /** What the liar's own client gets: a status, and `+` for a whole body. */
  readonly gets: "200+" | "200" | "204+" | "304+" | "502+" | "504+";
  /** Whether the upstream closes after it. */
  readonly closes?: true;
  /** Another method than GET. */
  readonly method?: "HEAD" | "PUT";
}

const LIES: readonly Lie[] = [
  {
    name: "a length too short",
    text: answer("us-east-1") + "POISON",
    gets: "200+",
  },
  {
    name: "a length too short, the rest an answer",
    text: answer("us-east-1") + POISON,
    gets: "200+",
  },
  {
    name: "no length where a body comes",
    text: `${OK}Content-Length: 0\r\n\r\n${POISON}`,
    gets: "200+",
  },
  {
    name: "a length too long",
    text: `${OK}Content-Length: 20\r\n\r\nus-east-1`,
    gets: "504+",
  },
  {
    name: "a length too long, then the end",
    text: `${OK}Content-Length: 20\r\n\r\nus-east-1`,
    gets: "502+",
    closes: true,
  },
  {
    name: "a length too long for a large body, then the end",
    text: `${OK}Content-Length: 200001\r\n\r\n${LARGE}`,
    gets: "200",
    closes: true,
  },
  {
    name: "a length no memory holds",
    text: `${OK}Content-Length: 999999999999999\r\n\r\n${LARGE}`,
    gets: "200",
    closes: true,
  },
  {
    name: "a length no number holds",
    text: `${OK}Content-Length: 99999999999999999999\r\n\r\nabc`,
    gets: "502+",
  },
  {
    name: "a length with a sign",
    text: `${OK}Content-Length: +9\r\n\r\nus-east-1`,
    gets: "502+",
  },
  {
    name: "a list of lengths",
    text: `${OK}Content-Length: 9, 9\r\n\r\nus-east-1`,
    gets: "502+",
  },
  {
    name: "the same length twice",
    text: `${OK}Content-Length: 9\r\nContent-Length: 9\r\n\r\nus-east-1`,
    gets: "502+",
  },
  {
    name: "a length and chunks",
    text:
      `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n` +
      POISON,
    gets: "502+",
  },
  {
    name: "chunks and a length",
    text:
      `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n` +
      POISON,
    gets: "502+",
  },
  {
    name: "a coding nobody asked for",
    text: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${POISON}`,
    gets: "502+",
  },
  {
    name: "chunks twice",
    text: `${OK}Transfer-Encoding: chunked\r\n` +
      `Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${POISON}`,
    gets: "502+",
  },
  {
    name: "a vertical tab before the coding",
    text: `${OK}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${POISON}`,
    gets: "502+",
  },
  {
    name: "a chunk too short",
    text: `${CHUNKED}8\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "a chunk too long",
    text: `${CHUNKED}a\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "a chunk with a sign",
    text: `${CHUNKED}+9\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "a negative chunk",
    text: `${CHUNKED}-9\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "a chunk with 0x",
    text: `${CHUNKED}0x9\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "a chunk longer than any number",
    text: `${CHUNKED}fffffffffffffffff\r\nus-east-1\r\n0\r\n\r\n`,
    gets: "502+",
  },
  {
    name: "chunks in bare line feeds",
    text: `${CHUNKED}9\nus-east-1\n0\n\n`,
    gets: "502+",
  },
  {
    name: "an endless chunk size",
    text: `${CHUNKED}${"0".repeat(9_000)}`,
    gets: "502+",
  },
  {
    name: "an endless trailer",
    text: `${CHUNKED}9\r\nus-east-1\r\n0\r\n${"X: y\r\n".repeat(2_000)}`,
    gets: "502+",
  },
  {
    name: "no last chunk",
    text: `${CHUNKED}9\r\nus-east-1\r\n`,
    gets: "504+",
  },
  {
    name: "no last chunk, then the end",
    text: `${CHUNKED}9\r\nus-east-1\r\n`,
    gets: "502+",
    closes: true,
  },
  {
    name: "an answer after the last chunk",
    text: `${CHUNKED}9\r\nus-east-1\r\n0\r\n\r\n${POISON}`,
    gets: "200+",
  },
  {
    name: "a body with 204",
    text: `HTTP/1.1 204 None\r\nContent-Length: 70\r\n\r\n${POISON}`,
    gets: "204+",
  },
  {
    name: "a body with 304",
    text: `HTTP/1.1 304 Same\r\nContent-Length: 70\r\n\r\n${POISON}`,
    gets: "304+",
  },
  {
    name: "a body with HEAD",
    text: answer("us-east-1") + POISON,
    gets: "200+",
    method: "HEAD",
  },
  {
    name: "a body with an interim answer",
    text: `HTTP/1.1 103 Early\r\nContent-Length: ${POISON.length}\r\n\r\n` +
      answer("us-east-1") + POISON,
    gets: "200+",
  },
  {
    name: "two answers to PUT",
    text: answer("token") + POISON,
    gets: "200+",
    method: "PUT",
  },
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
  const speak = async (connection: Connection, target: string) => {
    const lie = lies.get(target);
    await connection.write(lie?.text ?? answer(target));
    if (lie?.closes) connection.end();
  };
  await using upstream = await startUpstream(({ target }, connection) =>
    speak(connection, target)
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
    for (const [target, { name, gets, method = "GET" }] of lies) {
      using client = await RawClient.connect(proxy.address);
      await client.send(`${method} ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      const got = await client.answer(method);
      assertEquals(`${got.status}${got.complete ? "+" : ""}`, gets, name);
      assert(!got.body.includes("POISON"), name);
      if (got.complete) {
        await client.send(get(`/after/${target}`));
        assertEquals((await client.answer()).body, `/after/${target}`, name);
      }
    }
  } finally {
    going = false;
  }
  for (const count of await victims) assert(count > 0);
  for (const line of proxy.warnings) assertMatch(line, /target=\/lie\//);
});
