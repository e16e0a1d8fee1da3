import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { ask, get, RawClient, valuesOf } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";

const INJECTED = "X-Injected: yes";

/** Heads in which some reader or other would find a line end too many. */
const SPLIT_HEADS: Readonly<Record<string, string>> = {
  "a lone CR in a value": `X: a\r${INJECTED}`,
  "a lone LF in a value": `X: a\n${INJECTED}`,
  "a CR before a line end": `X: a\r\r\n${INJECTED}`,
  "a folded value": `X: a\r\n ${INJECTED}`,
  "a lone LF in a name": `X\n${INJECTED}`,
  "a vertical tab": `X: a\x0b${INJECTED}`,
  "a lone LF at the end of the head": `X: a\n\n${answer("POISON")}`,
};

Deno.test("startProxy() answers 502 to an upstream that splits its head, and hands nothing of it on", async () => {
  let line = "";
  await using upstream = await startUpstream(({ target }, connection) =>
    connection.write(answer(target, target === "/fault" ? [line] : []))
  );
  // What it answers changes from one request to the next.
  await using proxy = await startUnderTest(upstream.address, { cacheMs: 0 });
  for (const [name, split] of Object.entries(SPLIT_HEADS)) {
    line = split;
    using client = await RawClient.connect(proxy.address);
    await client.send(get("/before") + get("/fault") + get("/after"));
    assertEquals((await client.answer()).body, "/before", name);
    const got = await client.answer();
    assertEquals(got.status, 502, name);
    assertEquals(valuesOf(got, "x-injected"), [], name);
    assertMatch(got.body, /^c2s-imds: [^\n]+ bad answer: [^\n]+\n$/, name);
    assertEquals((await client.answer()).body, "/after", name);
  }
});

Deno.test("startProxy() hands bytes that are no line ends on as they are, in one line", async () => {
  const value = "\xc4\x8d\xc4\x8aX-Injected: \x85yes %0d%0aX-Injected: yes";
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("body", [`X: ${value}`]))
  );
  await using proxy = await startUnderTest(upstream.address);
  const got = await ask(proxy.address, get("/"));
  assertEquals(got.body, "body");
  assertEquals(valuesOf(got, "x"), [value]);
  assertEquals(valuesOf(got, "x-injected"), []);
});

const CRLF = `\r\n${INJECTED}`;

Deno.test("readServeConfig() takes no line end in a region, a zone or a path", () => {
  const refused: ReadonlyArray<readonly [string[], string]> = [
    [[`--region=us-east-1=us-iso-east-1${CRLF}`], ""],
    [[`--region=us-east-1${CRLF}=us-iso-east-1`], ""],
    [["--config=c"], `region: "us-east-1=us-iso-east-1\\r\\nX: y"\n`],
    [["--config=c"], `overrides: {"/latest/x\\r\\nX: y": {text: a}}\n`],
    [[`--upstream=http://127.0.0.1:1${CRLF}`], ""],
    [[`--listen=127.0.0.1:1${CRLF}`], ""],
  ];
  for (const [args, file] of refused) {
    assertThrows(() => readServeConfig(args, {}, () => file), UsageError);
  }
});
