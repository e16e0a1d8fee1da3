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
import { sourceFiles } from "../helpers/files.ts";

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
  ["--timeout=5 --timeout 6", { timeout: ["5", "6"] }],
  ["--timeout 08", { timeout: ["08"] }],
  ["--timeout", { timeout: [""] }],
  ["--timeout=", { timeout: [""] }],
  ["--timeout --listen x", { timeout: [""], listen: ["x"] }],
  ["--timeout=-5", { timeout: ["-5"] }],
  ["--listen a=b=c --listen=a=b=c", { listen: ["a=b=c", "a=b=c"] }],
  ["--listen constructor", { listen: ["constructor"] }],
  ["--anywhere", { anywhere: true }],
  ["--anywhere=true", { anywhere: true }],
  ["--anywhere --anywhere=false", { anywhere: false }],
  ["--anywhere word", { anywhere: true, unknown: ["word"] }],
  ["word 5", { unknown: ["word", "5"] }],
  ["- -x", { unknown: ["-", "-x"] }],
  ["--bogus=5 --bogus", { unknown: ["--bogus=5", "--bogus"] }],
  ["--no-anywhere", { unknown: ["--no-anywhere"] }],
  ["--no-timeout", { unknown: ["--no-timeout"] }],
  ["--constructor", { unknown: ["--constructor"] }],
  ["--__proto__=1", { unknown: ["--__proto__=1"] }],
  ["--listen.x", { unknown: ["--listen.x"] }],
  ["--timeout 1 -- --timeout 2", { timeout: ["1"], _: ["--timeout", "2"] }],
];

Deno.test("parseArgs() reads arguments as the options need it", () => {
  for (const [line, expected] of ARGS) {
    const got = parsed(line === "" ? [] : line.split(" "));
    assertEquals<unknown>(got, { ...NOTHING, ...expected }, line);
  }
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

Deno.test("parse() reads YAML as the files need it", () => {
  for (const [text, expected] of DOCUMENTS) {
    assertEquals(parse(text), expected, text);
  }
});

Deno.test("parse() hands out plain objects, whatever the keys", () => {
  const value = parse("__proto__: {x: 1}\na: {b: 1}") as Record<string, object>;
  assertEquals(Object.getPrototypeOf(value), Object.prototype);
  assertEquals(Object.getPrototypeOf(value.a), Object.prototype);
  assertEquals(Object.keys(value), ["__proto__", "a"]);
});

/** What is no YAML, or more than data. */
const REFUSED: readonly string[] = [
  ...["a: [", "a: 1\na: 2", "a: 1\n---\nb: 2", "a: *b", "a: b: c"],
  "a: !!js/function x",
];

Deno.test("parse() throws an Error that begins with what is wrong", () => {
  for (const text of REFUSED) {
    const { message } = assertThrows(() => parse(text), Error);
    assertMatch(message, /^\S.+/, text);
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

Deno.test("stringify() renders YAML as the manifests need it", () => {
  for (const [value, expected] of RENDERED) {
    assertEquals(stringify(value), expected);
  }
});

Deno.test("stringify() folds nothing and shares nothing when told so", () => {
  const long = "word ".repeat(40).trim();
  const shared = { x: 1 };
  const options = { lineWidth: -1, useAnchors: false };
  assertEquals(
    stringify({ a: long, b: shared, c: shared }, options),
    `a: ${long}\nb:\n  x: 1\nc:\n  x: 1\n`,
  );
});

Deno.test("STATUS_CODE and STATUS_TEXT hold every status that lib/ names", () => {
  const names = sourceFiles("lib").flatMap(({ text }) =>
    [...text.matchAll(/\bSTATUS_CODE\.(\w+)/g)].map(([, name = ""]) => name)
  );
  assert(names.includes("BadGateway"));
  const codes: Readonly<Record<string, number>> = STATUS_CODE;
  for (const name of names) {
    const text: string = STATUS_TEXT[codes[name] as keyof typeof STATUS_TEXT];
    assertEquals(text.replaceAll(" ", ""), name);
  }
  assertEquals([STATUS_CODE.BadGateway, STATUS_CODE.ContentTooLarge], [
    502,
    413,
  ]);
});

Deno.test("assertions pass and fail as their names say", async () => {
  const thrown = new TypeError("no such thing");
  const raise = () => {
    throw thrown;
  };
  const reject = () => Promise.reject(thrown);
  const map = () => ({ a: [1, new Map([["b", new Uint8Array([2])]])] });
  assert(true);
  assertEquals(map(), map());
  assertNotEquals(1, 2);
  assertStringIncludes("abc", "b");
  assertMatch("abc", /^a/);
  assertEquals(assertThrows(raise, TypeError, "such"), thrown);
  assertEquals(await assertRejects(reject, TypeError, "such"), thrown);
  const failing: readonly (() => unknown)[] = [
    () => assert(0),
    () => assertEquals<unknown>({ a: 1 }, { a: "1" }),
    () => assertEquals<unknown>([1, 2], [1]),
    () => assertNotEquals({ a: 1 }, { a: 1 }),
    () => assertStringIncludes("abc", "d"),
    () => assertMatch("abc", /^b/),
    () => assertThrows(raise, RangeError),
    () => assertThrows(raise, TypeError, "other"),
    () => assertThrows(() => {}, Error),
  ];
  for (const fails of failing) assertThrows(fails, Error);
  assertThrows(() => assert(false, "why"), Error, "why");
  for (const fn of [reject, () => Promise.resolve()]) {
    await assertRejects(() => assertRejects(fn, RangeError), Error);
  }
});
