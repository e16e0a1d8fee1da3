import { assert, assertEquals } from "@std/assert";
import { rewriteFields, setFields } from "../../lib/rewrite/json_fields.ts";
import { Rewriter } from "../../lib/rewrite/rewriter.ts";
import { createRandom, type Random } from "../helpers/random.ts";
import { mutate } from "./mutate.ts";
import { again, seeds } from "./settings.ts";

const FIELDS = ["availability_zone", "region"] as const;
const REGIONS = new Map([["us-east-1", "us-iso-east-1"]]);
const REWRITER = new Rewriter(REGIONS);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function rewritten(json: string): string {
  const bytes = encoder.encode(json);
  const rewrite = (value: Uint8Array) => REWRITER.rewrite(value);
  const output = rewriteFields(bytes, FIELDS, rewrite);
  assertEquals(decoder.decode(bytes), json, "the given bytes stay");
  return decoder.decode(output);
}

/** A value stays as it is, half a surrogate pair too, where no region is. */
function shown(value: string): string {
  const bytes = encoder.encode(value);
  const output = REWRITER.rewrite(bytes);
  return output === bytes ? value : decoder.decode(output);
}

const TEXTS: readonly string[] = [
  "us-east-1",
  "us-east-1a",
  "nova us-east-1",
  "us-east-10",
  "",
  'a"b\\us-east-1',
  "\u00e9\u2028 us-east-1 \u{1f600}",
  '"region":"us-east-1"',
  "},{[]:",
  "region",
];

/** A string, each character maybe written in another way. */
function stringOf(random: Random, text: string): string {
  const plain = JSON.stringify(text).slice(1, -1);
  if (random.int(2) === 0) return `"${plain}"`;
  const escaped = Array.from(text, (character) => {
    const units = character.split("").map((unit) =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
    );
    return random.int(3) === 0
      ? units.join("")
      : JSON.stringify(character).slice(1, -1);
  });
  return `"${escaped.join("")}"`;
}

function space(random: Random): string {
  return random.pick(["", "", "", " ", "\n  ", "\t\r\n"]);
}

function valueOf(random: Random, depth: number): string {
  const inner = () =>
    space(random) + valueOf(random, depth - 1) + space(random);
  switch (random.int(depth > 0 ? 9 : 7)) {
    case 0:
      return random.pick(["null", "true", "false", "0", "-1.5e+7"]);
    case 7:
      return `[${random.list(3, inner).join(",")}]`;
    case 8:
      return `{${
        random.list(3, () =>
          `${stringOf(random, random.pick([...FIELDS, "x"]))}:${inner()}`).join(
            ",",
          )
      }}`;
  }
  return stringOf(random, random.pick(TEXTS));
}

/** A text, and what must become of it. */
function objectOf(
  random: Random,
): { readonly text: string; readonly expected: string } {
  const members = random.list(6, () => {
    const name = random.pick([
      ...FIELDS,
      ...FIELDS,
      "meta",
      "",
      "Region",
      "re gion",
    ]);
    const key = space(random) + stringOf(random, name) + space(random) + ":" +
      space(random);
    const value = valueOf(random, 3);
    const parsed: unknown = JSON.parse(value);
    const changes = typeof parsed === "string" && shown(parsed) !== parsed &&
      FIELDS.some((field) => field === name);
    const after = space(random);
    return [
      key + value + after,
      key + (changes ? JSON.stringify(shown(parsed)) : value) + after,
    ] as const;
  });
  const [before, after] = [space(random), space(random)];
  const whole = (i: 0 | 1) =>
    `${before}{${members.map((member) => member[i]).join(",")}}${after}`;
  return { text: whole(0), expected: whole(1) };
}

Deno.test("rewriteFields() changes values of the fields and no other byte when objects are random", () => {
  const { first, count } = seeds(1 / 2);
  let changed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { text, expected } = objectOf(createRandom(seed));
    const output = rewritten(text);
    if (output !== text) changed++;
    if (output !== expected) {
      assertEquals(output, expected, `${text}; again with ${again(seed)}`);
    }
  }
  assert(count < 100 || changed > count / 8, `${changed} texts were changed`);
});

/** What JSON.parse understands, its fields rewritten; the text if nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

Deno.test("rewriteFields() means what JSON.parse() does when objects are damaged", () => {
  const { first, count } = seeds(1 / 2, 1 / 2);
  let objects = 0;
  for (let seed = first; seed < first + count; seed++) {
    const random = createRandom(seed);
    const { text: whole } = objectOf(random);
    const latin1 = mutate(random, whole, () => objectOf(random).text);
    const text = decoder.decode(encoder.encode(latin1));
    const about = `${JSON.stringify(text)}; again with ${again(seed)}`;
    const before = parsed(text);
    const output = rewritten(text);
    if (!isObject(before)) {
      assert(output === text, about);
      continue;
    }
    objects++;
    const wanted = Object.entries(before).map(([name, value]) => [
      name,
      typeof value === "string" && FIELDS.some((field) => field === name)
        ? shown(value)
        : value,
    ]);
    const after = parsed(output);
    assert(isObject(after), about);
    const [got, expected] = [Object.entries(after), wanted].map((it) =>
      JSON.stringify(it)
    );
    if (got !== expected) assertEquals(got, expected, about);
  }
  assert(count < 100 || objects > count / 20, `${objects} objects`);
});

Deno.test("setFields() sets what JSON.parse() finds when objects are random", () => {
  const { first, count } = seeds(1 / 10);
  const values = { region: 'x"\\\u00e9', availability_zone: "us-east-1" };
  for (let seed = first; seed < first + count; seed++) {
    const { text } = objectOf(createRandom(seed));
    const bytes = encoder.encode(text);
    const output = decoder.decode(setFields(bytes, values));
    const wanted = Object.entries(JSON.parse(text)).map(([name, value]) => [
      name,
      typeof value === "string" && Object.hasOwn(values, name)
        ? values[name as keyof typeof values]
        : value,
    ]);
    const [got, expected] = [Object.entries(JSON.parse(output)), wanted]
      .map((it) => JSON.stringify(it));
    if (got !== expected) {
      assertEquals(got, expected, `${text}; again with ${again(seed)}`);
    }
  }
});
