import { assert, assertEquals } from "@std/assert";
import { rewriteFields, setFields } from "../../lib/rewrite/json_fields.ts";
import { Rewriter } from "../../lib/rewrite/rewriter.ts";
import { createRandom, type Random } from "../helpers/random.ts";
import { mutate } from "./mutate.ts";
import { again, seeds } from "./settings.ts";

const FIELDS = ["availability_zone", "region"] as const;
const REWRITER = new Rewriter(new Map([["us-east-1", "us-iso-east-1"]]));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function rewritten(json: string): string {
  const bytes = encoder.encode(json);
  const output = rewriteFields(bytes, FIELDS, (it) => REWRITER.rewrite(it));
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
  ...["us-east-1", "us-east-1a", "nova us-east-1", "us-east-10", "", "region"],
  ...['a"b\\us-east-1', "\u00e9\u2028 us-east-1 \u{1f600}", "},{[]:"],
  '"region":"us-east-1"',
];

const NAMES: readonly string[] = [
  ...[...FIELDS, ...FIELDS, "meta", "", "Region", "re gion"],
];

/** A string, each character maybe written in another way. */
function stringOf(random: Random, text: string): string {
  if (random.int(2) === 0) return JSON.stringify(text);
  const escaped = Array.from(
    text,
    (character) =>
      random.int(3) > 0
        ? JSON.stringify(character).slice(1, -1)
        : character.split("").map((unit) =>
          `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
        ).join(""),
  );
  return `"${escaped.join("")}"`;
}

function valueOf(random: Random, depth: number): string {
  const kind = random.int(depth > 0 ? 9 : 7);
  if (kind === 0) {
    return random.pick(["null", "true", "false", "0", "-1.5e+7"]);
  }
  if (kind < 7) return stringOf(random, random.pick(TEXTS));
  const inner = () => spaced(random, valueOf(random, depth - 1));
  const member = () => `${stringOf(random, random.pick(NAMES))}:${inner()}`;
  return kind === 7
    ? `[${random.list(3, inner).join(",")}]`
    : `{${random.list(3, member).join(",")}}`;
}

function space(random: Random): string {
  return random.pick(["", "", "", " ", "\n  ", "\t\r\n"]);
}

function spaced(random: Random, text: string): string {
  return space(random) + text + space(random);
}

/** A text, and what must become of it. */
function objectOf(random: Random): readonly [text: string, expected: string] {
  const members = random.list(6, () => {
    const name = random.pick(NAMES);
    const key = `${spaced(random, stringOf(random, name))}:${space(random)}`;
    const value = valueOf(random, 3);
    const after = space(random);
    const expected = JSON.stringify(expectedOf(name, JSON.parse(value)));
    const changes = expected !== JSON.stringify(JSON.parse(value));
    return [key + value + after, key + (changes ? expected : value) + after];
  });
  const whole = (i: 0 | 1) => `{${members.map((it) => it[i]).join(",")}}`;
  return [whole(0), whole(1)];
}

/** What must become of a member's value. */
function expectedOf(name: string, value: unknown): unknown {
  return typeof value === "string" && FIELDS.some((field) => field === name)
    ? shown(value)
    : value;
}

/** Members in their order; nothing where a text is no JSON object. */
function membersOf(text: string): [string, unknown][] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value)
      : undefined;
  } catch {
    return undefined;
  }
}

Deno.test("rewriteFields() changes values of the fields and no other byte when objects are random", () => {
  const { first, count } = seeds(1 / 2);
  let changed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const [text, expected] = objectOf(createRandom(seed));
    if (text !== expected) changed++;
    const output = rewritten(text);
    if (output !== expected) assertEquals(output, expected, again(seed));
  }
  assert(count < 100 || changed > count / 8, `${changed} texts were changed`);
});

Deno.test("rewriteFields() means what JSON.parse() does when objects are damaged", () => {
  const { first, count } = seeds(1 / 2);
  let objects = 0;
  for (let seed = first; seed < first + count; seed++) {
    const random = createRandom(seed);
    const latin1 = mutate(
      random,
      objectOf(random)[0],
      () => objectOf(random)[0],
    );
    const text = decoder.decode(encoder.encode(latin1));
    const about = `${JSON.stringify(text)}; again with ${again(seed)}`;
    const before = membersOf(text);
    const output = rewritten(text);
    if (before === undefined) {
      assert(output === text, about);
      continue;
    }
    objects++;
    const wanted = before.map(([name, it]) => [name, expectedOf(name, it)]);
    const got = membersOf(output);
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
      assertEquals<unknown>(got, wanted, about);
    }
  }
  assert(count < 100 || objects > count / 20, `${objects} objects`);
});

Deno.test("setFields() sets what JSON.parse() finds when objects are random", () => {
  const { first, count } = seeds(1 / 10);
  const values: Readonly<Record<string, string>> = {
    region: 'x"\\\u00e9',
    availability_zone: "us-east-1",
  };
  for (let seed = first; seed < first + count; seed++) {
    const [text] = objectOf(createRandom(seed));
    const wanted = membersOf(text)?.map(([name, it]) => [
      name,
      typeof it === "string" ? values[name] ?? it : it,
    ]);
    const got = membersOf(
      decoder.decode(setFields(encoder.encode(text), values)),
    );
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
      assertEquals<unknown>(got, wanted, `${text}; again with ${again(seed)}`);
    }
  }
});
