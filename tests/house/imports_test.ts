/**
 * What the program relies on from its imports. The table runs under whichever
 * import map is in force, and holds the offline adapters equal to the real
 * packages.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { STATUS_CODE, STATUS_TEXT } from "@std/http/status";
import { parse, stringify } from "@std/yaml";

/** Parses as lib/cli/options.ts does, and notes what it does not know. */
function parsed(args: readonly string[]) {
  const unknown: string[] = [];
  const { _, listen, timeout, anywhere, help } = parseArgs([...args], {
    string: ["listen", "timeout"],
    collect: ["listen", "timeout"],
    boolean: ["anywhere", "help"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  return { _, listen, timeout, anywhere, help, unknown };
}

const NOTHING = {
  _: [],
  listen: [],
  timeout: [],
  anywhere: false,
  help: false,
  unknown: [],
};

const ARGS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["", {}],
  ["--timeout 5", { timeout: ["5"] }],
  ["--timeout=5 --timeout 6", { timeout: ["5", "6"] }],
  ["--timeout 08", { timeout: ["08"] }],
  ["--timeout", { timeout: [""] }],
  ["--timeout=", { timeout: [""] }],
  ["--timeout --listen x", { timeout: [""], listen: ["x"] }],
  ["--timeout=-5", { timeout: ["-5"] }],
  ["--listen a=b=c", { listen: ["a=b=c"] }],
  ["--listen=a=b=c", { listen: ["a=b=c"] }],
  ["--listen constructor", { listen: ["constructor"] }],
  ["--anywhere", { anywhere: true }],
  ["--anywhere=true", { anywhere: true }],
  ["--anywhere=false", { anywhere: false }],
  ["--anywhere --anywhere=false", { anywhere: false }],
  ["--anywhere word", { anywhere: true, unknown: ["word"] }],
  ["word 5", { unknown: ["word", "5"] }],
  ["-", { unknown: ["-"] }],
  ["-x", { unknown: ["-x"] }],
  ["--bogus=5", { unknown: ["--bogus=5"] }],
  ["--bogus", { unknown: ["--bogus"] }],
  ["--no-anywhere", { unknown: ["--no-anywhere"] }],
  ["--no-timeout", { unknown: ["--no-timeout"] }],
  ["--constructor", { unknown: ["--constructor"] }],
  ["--__proto__=1", { unknown: ["--__proto__=1"] }],
  ["--listen.x", { unknown: ["--listen.x"] }],
  ["--timeout 1 -- --timeout 2", { timeout: ["1"], _: ["--timeout", "2"] }],
];

Deno.test("parseArgs() reads arguments as the options need it", async (t) => {
  for (const [line, expected] of ARGS) {
    await t.step(`"${line}"`, () => {
      const args = line === "" ? [] : line.split(" ");
      assertEquals<unknown>(parsed(args), { ...NOTHING, ...expected });
    });
  }
});

Deno.test("parseArgs() keeps white space and control characters of a value", () => {
  assertEquals(parsed(["--listen", "a b\n"]).listen, ["a b\n"]);
});

const DOCUMENTS: readonly (readonly [string, unknown])[] = [
  ["", null],
  ["# nothing\n", null],
  ["---\n", null],
  ["\ufeffa: 1", { a: 1 }],
  ["text", "text"],
  ["- a\n- 1", ["a", 1]],
  [
    "a: yes\nb: true\nc: null\nd:\ne: 5\nf: 0.25\ng: '5'",
    { a: "yes", b: true, c: null, d: null, e: 5, f: 0.25, g: "5" },
  ],
  ["a: 127.0.0.1:4000", { a: "127.0.0.1:4000" }],
  ["a: us-east-1=us-iso-east-1", { a: "us-east-1=us-iso-east-1" }],
  ["a: 2001-01-01", { a: new Date("2001-01-01T00:00:00Z") }],
  ["a: !!binary aGk=", { a: new TextEncoder().encode("hi") }],
  ["a: |\n  one\n  two\n", { a: "one\ntwo\n" }],
  ["a: &x [1]\nb: *x", { a: [1], b: [1] }],
  ["{a: {b: [c]}}", { a: { b: ["c"] } }],
];

Deno.test("parse() reads YAML as the files need it", async (t) => {
  for (const [text, expected] of DOCUMENTS) {
    await t.step(JSON.stringify(text), () => {
      assertEquals(parse(text), expected);
    });
  }
});

Deno.test("parse() hands out plain objects, whatever the keys", () => {
  const value = parse("__proto__: {x: 1}\na: {b: 1}") as Record<string, object>;
  assertEquals(Object.getPrototypeOf(value), Object.prototype);
  assertEquals(Object.getPrototypeOf(value.a), Object.prototype);
  assertEquals(Object.keys(value), ["__proto__", "a"]);
});

Deno.test("parse() throws an Error that begins with what is wrong", async (t) => {
  for (
    const text of [
      "a: [",
      "a: 1\na: 2",
      "a: 1\n---\nb: 2",
      "a: *b",
      "a: !!js/function x",
      "a: b: c",
    ]
  ) {
    await t.step(JSON.stringify(text), () => {
      const { message } = assertThrows(() => parse(text), Error);
      assertMatch(message, /^\S.+/);
    });
  }
});

const RENDERED: readonly (readonly [unknown, string])[] = [
  [{ a: 1, b: "text", c: true }, "a: 1\nb: text\nc: true\n"],
  [{ a: ["x", { b: "c" }] }, "a:\n  - x\n  - b: c\n"],
  [{ a: "5", b: "true", c: "" }, "a: '5'\nb: 'true'\nc: ''\n"],
  [{ a: "one\ntwo\n" }, "a: |\n  one\n  two\n"],
  [{ a: "x: y", b: "# c", c: "- d" }, "a: 'x: y'\nb: '# c'\nc: '- d'\n"],
  [{ a: [], b: {} }, "a: []\nb: {}\n"],
  [
    { a: "0755", b: "us-east-1=us-iso-east-1" },
    "a: '0755'\nb: us-east-1=us-iso-east-1\n",
  ],
];

Deno.test("stringify() renders YAML as the manifests need it", async (t) => {
  for (const [value, expected] of RENDERED) {
    await t.step(JSON.stringify(value), () => {
      assertEquals(stringify(value), expected);
    });
  }
});

Deno.test("stringify() folds nothing and shares nothing when told so", () => {
  const long = "word ".repeat(40).trim();
  const shared = { x: 1 };
  assertEquals(
    stringify({ a: long, b: shared, c: shared }, {
      lineWidth: -1,
      useAnchors: false,
    }),
    `a: ${long}\nb:\n  x: 1\nc:\n  x: 1\n`,
  );
});

Deno.test("STATUS_CODE and STATUS_TEXT hold what answers use", () => {
  const used = {
    OK: [200, "OK"],
    NoContent: [204, "No Content"],
    PartialContent: [206, "Partial Content"],
    NotModified: [304, "Not Modified"],
    BadRequest: [400, "Bad Request"],
    Unauthorized: [401, "Unauthorized"],
    Forbidden: [403, "Forbidden"],
    NotFound: [404, "Not Found"],
    MethodNotAllowed: [405, "Method Not Allowed"],
    RequestTimeout: [408, "Request Timeout"],
    InternalServerError: [500, "Internal Server Error"],
    BadGateway: [502, "Bad Gateway"],
    ServiceUnavailable: [503, "Service Unavailable"],
    GatewayTimeout: [504, "Gateway Timeout"],
    LoopDetected: [508, "Loop Detected"],
  } as const;
  for (const [name, [code, text]] of Object.entries(used)) {
    assertEquals<number>(STATUS_CODE[name as keyof typeof used], code);
    assertEquals(STATUS_TEXT[code], text);
  }
  assertEquals(STATUS_CODE.ContentTooLarge, 413);
});

Deno.test("assertions pass and fail as their names say", async () => {
  assert(true);
  assertThrows(() => assert(false, "why"), Error, "why");
  assertThrows(() => assert(0), Error);
  assertEquals({ a: [1, new Map([["b", new Uint8Array([2])]])] }, {
    a: [1, new Map([["b", new Uint8Array([2])]])],
  });
  assertThrows(() => assertEquals<unknown>({ a: 1 }, { a: "1" }), Error);
  assertThrows(() => assertEquals<unknown>([1, 2], [1]), Error);
  assertNotEquals(1, 2);
  assertThrows(() => assertNotEquals({ a: 1 }, { a: 1 }), Error);
  assertStringIncludes("abc", "b");
  assertThrows(() => assertStringIncludes("abc", "d"), Error);
  assertMatch("abc", /^a/);
  assertThrows(() => assertMatch("abc", /^b/), Error);
  const thrown = new TypeError("no such thing");
  const raise = () => {
    throw thrown;
  };
  assertEquals(assertThrows(raise, TypeError, "such"), thrown);
  assertThrows(() => assertThrows(raise, RangeError), Error);
  assertThrows(() => assertThrows(raise, TypeError, "other"), Error);
  assertThrows(() => assertThrows(() => {}, Error), Error);
  const reject = () => Promise.reject(thrown);
  assertEquals(await assertRejects(reject, TypeError, "such"), thrown);
  await assertRejects(() => assertRejects(reject, RangeError), Error);
  const settle = () => Promise.resolve();
  await assertRejects(() => assertRejects(settle, Error), Error);
});
