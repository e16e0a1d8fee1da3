import { assert, assertEquals } from "@std/assert";
import {
  rewriteFields,
  stringFieldSpans,
} from "../../lib/rewrite/json_fields.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The raw contents of the values found. */
function values(json: string): string[] {
  const bytes = encoder.encode(json);
  return stringFieldSpans(bytes, ["az", "region"])
    .map(({ start, end }) => decoder.decode(bytes.subarray(start, end)));
}

function upperCase(value: Uint8Array): Uint8Array {
  const text = decoder.decode(value);
  const upper = text.toUpperCase();
  return upper === text ? value : encoder.encode(upper);
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

Deno.test("stringFieldSpans() finds string values at the top of an object, and nothing in other texts", () => {
  for (const [json, expected] of FOUND) {
    assertEquals(values(json), [...expected], json);
  }
  for (const json of NO_OBJECTS) assertEquals(values(json), [], json);
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assertEquals(values(`{"x":${deep},"az":"a"}`), ["a"]);
});

Deno.test("rewriteFields() changes an object with as many fields as any service has, and none with more", () => {
  for (
    const [count, changes] of [
      [1_024, true],
      [1_025, false],
    ] as const
  ) {
    const json = `{${Array(count).fill('"az":"a"').join(",")}}`;
    const bytes = encoder.encode(json);
    const output = decoder.decode(rewriteFields(bytes, ["az"], upperCase));
    assertEquals(output, changes ? json.replaceAll('"a"', '"A"') : json);
  }
});

Deno.test("rewriteFields() changes no byte of a text that is no UTF-8", () => {
  const json = encoder.encode('{"x":"??","az":"a"}');
  json.set([0xff, 0xc3], json.indexOf(0x3f));
  const expected = json.slice();
  expected[expected.lastIndexOf(0x61)] = 0x41;
  assertEquals(rewriteFields(json, ["az"], upperCase), expected);
});

Deno.test("rewriteFields() returns the same array when no value changes", () => {
  for (const json of ['{"az":"A"}', '{"x":"a"}', "{}", ...NO_OBJECTS]) {
    const bytes = encoder.encode(json);
    assert(rewriteFields(bytes, ["az"], upperCase) === bytes, json);
  }
});
