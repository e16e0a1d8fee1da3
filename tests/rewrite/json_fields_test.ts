import { assert, assertEquals } from "@std/assert";
import {
  MAX_FIELDS,
  rewriteFields,
  stringFieldSpans,
} from "../../lib/rewrite/json_fields.ts";
import { createRandom, type Random } from "../helpers/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The raw contents of the values found. */
function values(json: string, fields: readonly string[]): string[] {
  const bytes = encoder.encode(json);
  return stringFieldSpans(bytes, fields)
    .map(({ start, end }) => decoder.decode(bytes.subarray(start, end)));
}

function upperCase(value: Uint8Array): Uint8Array {
  const text = decoder.decode(value);
  const upper = text.toUpperCase();
  return upper === text ? value : encoder.encode(upper);
}

function upperCased(json: string, fields: readonly string[]): string {
  return decoder.decode(
    rewriteFields(encoder.encode(json), fields, upperCase),
  );
}

const FOUND: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['{"az":"a"}', ["a"]],
  [' {\t"az" :\r\n "a" } \n', ["a"]],
  ['{"x":1,"az":"a","y":[2]}', ["a"]],
  ['{"az":"a","az":"b"}', ["a", "b"]],
  ['{"region":"r","az":"a"}', ["r", "a"]],
  ['{"\\u0061z":"a"}', ["a"]],
  ['{"az":""}', [""]],
  ['{"az":"a\\"b\\\\"}', ['a\\"b\\\\']],
  ['{"az":"ü{[,:"}', ["ü{[,:"]],
  ['{"meta":{"az":"no"},"az":"a"}', ["a"]],
  ['{"x":[{"az":"no"},"az","no"],"az":"a"}', ["a"]],
  ['{"x":"az","y":"}\\",","az":"a"}', ["a"]],
  ['{"x":null,"y":true,"z":-1.5e+7,"az":"a"}', ["a"]],
  ['{"az":["no"],"x":"no"}', []],
  ['{"az":{"az":"no"}}', []],
  ['{"az":null}', []],
  ['{"AZ":"no"," az":"no","az ":"no"}', []],
  ["{}", []],
];

const NO_OBJECTS: readonly string[] = [
  "",
  " ",
  "null",
  '"az"',
  '["az","a"]',
  '[{"az":"a"}]',
  '{"az":"a"',
  '{"az":"a}',
  '{"az":"a\\',
  '{"az":"a",}',
  '{"az":"a"} x',
  '{"az" "a"}',
  '{"x":[}],"az":"a"}',
  '\ufeff{"az":"a"}',
  "us-east-1a",
];

Deno.test("stringFieldSpans() finds string values when their keys are at the top", () => {
  for (const [json, expected] of FOUND) {
    assertEquals(values(json, ["az", "region"]), [...expected], json);
  }
});

Deno.test("stringFieldSpans() finds nothing when the text is no JSON object", () => {
  for (const json of NO_OBJECTS) assertEquals(values(json, ["az"]), [], json);
});

Deno.test("rewriteFields() changes an object with as many fields as any service has, and none with more", () => {
  const json = (count: number) =>
    `{${Array(count).fill('"region":"us-east-1"').join(",")}}`;
  for (
    const [count, changes] of [[MAX_FIELDS, true], [
      MAX_FIELDS + 1,
      false,
    ]] as const
  ) {
    let calls = 0;
    const bytes = encoder.encode(json(count));
    const output = rewriteFields(bytes, ["region"], () => {
      calls++;
      return encoder.encode("X");
    });
    assertEquals([calls, output !== bytes], [changes ? count : 0, changes]);
  }
});

Deno.test("stringFieldSpans() copes with nesting when it is very deep", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assertEquals(values(`{"x":${deep},"az":"a"}`, ["az"]), ["a"]);
});

Deno.test("rewriteFields() changes the values and no other byte", () => {
  assertEquals(
    upperCased('{ "x":"a",\n\t"az" : "a-b\u00fc",  "y":{"az":"a"} }\n', ["az"]),
    '{ "x":"a",\n\t"az" : "A-B\u00dc",  "y":{"az":"a"} }\n',
  );
});

Deno.test("rewriteFields() keeps bytes that are no UTF-8 when they stand elsewhere", () => {
  const json = encoder.encode('{"x":"??","az":"a"}');
  json.set([0xff, 0xc3], json.indexOf(0x3f));
  const expected = json.slice();
  expected[expected.lastIndexOf(0x61)] = 0x41;
  assertEquals(rewriteFields(json, ["az"], upperCase), expected);
});

Deno.test("rewriteFields() shows values unescaped and escapes what it puts in", () => {
  assertEquals(
    upperCased('{"az":"\\u0061\\n\\"b\\/","region":"A\\n\\/"}', [
      "az",
      "region",
    ]),
    '{"az":"A\\n\\"B/","region":"A\\n\\/"}',
  );
});

Deno.test("rewriteFields() returns the same array when no value changes", () => {
  for (const json of ['{"az":"A"}', '{"x":"a"}', "{}", ...NO_OBJECTS]) {
    const bytes = encoder.encode(json);
    assert(rewriteFields(bytes, ["az"], upperCase) === bytes, json);
  }
});

// No key ends in a backslash: after an object with the key "k\\", JSON.parse()
// of V8 15.0 may read the key "k\"" as that one, and is no measure then.
const KEYS = ["az", "region", "a", 'k"', "\\k", "ü", "", "}"];
const STRINGS = [
  "",
  "us-east-1a",
  'q"',
  "\\",
  "{",
  "],",
  "az",
  "\n\u0001",
  "東",
];

function randomString(random: Random, text: string): string {
  return random.int(3) > 0 ? JSON.stringify(text) : `"${
    Array.from(
      { length: text.length },
      (_, i) => "\\u" + text.charCodeAt(i).toString(16).padStart(4, "0"),
    ).join("")
  }"`;
}

function randomValue(random: Random, depth: number): string {
  const space = (): string => random.pick(["", "", " ", "\n\t", "\r"]);
  switch (random.int(depth > 0 ? 6 : 3)) {
    case 0:
      return random.pick(["0", "-1.5E+3", "true", "false", "null"]);
    case 1:
    case 2:
      return randomString(random, random.pick(STRINGS));
    case 3:
      return `[${space()}${
        random.list(4, () => randomValue(random, depth - 1)).join(
          `${space()},${space()}`,
        )
      }${space()}]`;
    default:
      return randomObject(random, depth);
  }
}

function randomObject(random: Random, depth: number): string {
  const space = (): string => random.pick(["", "", " ", "\n\t", "\r"]);
  const keys = KEYS.filter(() => random.int(2) === 0);
  const members = keys.map((key) =>
    randomString(random, key) + space() + ":" + space() +
    randomValue(random, depth - 1)
  );
  return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
}

Deno.test("stringFieldSpans() agrees with JSON.parse() when documents are random", () => {
  const fields = ["az", "region", 'k"', "\\k", "ü", ""];
  for (let seed = 1; seed <= 5000; seed++) {
    const json = randomObject(createRandom(seed), 4);
    const document: Record<string, unknown> = JSON.parse(json);
    const expected = Object.entries(document)
      .filter(([key, value]) =>
        fields.includes(key) && typeof value === "string"
      )
      .map(([, value]) => value);
    const found = values(json, fields).map((raw) => JSON.parse(`"${raw}"`));
    assertEquals(found, expected, `seed ${seed}: ${json}`);
  }
});

Deno.test("rewriteFields() changes what JSON.parse() shows when documents are random", () => {
  const mark = (value: Uint8Array): Uint8Array =>
    encoder.encode(`${decoder.decode(value)}"\n!`);
  for (let seed = 1; seed <= 2000; seed++) {
    const json = randomObject(createRandom(seed), 3);
    const document: Record<string, unknown> = JSON.parse(json);
    for (const key of ["az", "region"]) {
      if (typeof document[key] === "string") document[key] += '"\n!';
    }
    const rewritten = decoder.decode(
      rewriteFields(encoder.encode(json), ["az", "region"], mark),
    );
    assertEquals(JSON.parse(rewritten), document, `seed ${seed}: ${json}`);
  }
});

Deno.test("stringFieldSpans() finds nothing when random documents are cut short", () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = createRandom(seed);
    const json = randomObject(random, 3);
    assertEquals(values(json.slice(0, random.int(json.length)), KEYS), []);
  }
});
