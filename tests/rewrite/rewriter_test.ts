import { assert, assertEquals } from "@std/assert";
import { Rewriter } from "../../lib/rewrite/rewriter.ts";
import { bytesOf, textOf } from "../helpers/raw.ts";

const EAST = new Map([["us-east-1", "us-iso-east-1"]]);

function rewrite(text: string, map: ReadonlyMap<string, string>): string {
  return textOf(new Rewriter(map).rewrite(bytesOf(text)));
}

const WHOLE_NAMES: ReadonlyArray<readonly [string, string]> = [
  ["us-east-1", "us-iso-east-1"],
  ["us-east-1\n", "us-iso-east-1\n"],
  ["us-east-1a", "us-iso-east-1a"],
  ["us-east-1a\n", "us-iso-east-1a\n"],
  ["us-east-1-bos-1a", "us-iso-east-1-bos-1a"],
  ["us-east-1-wl1-bos-wlz-1", "us-iso-east-1-wl1-bos-wlz-1"],
  ['{"region":"us-east-1"}', '{"region":"us-iso-east-1"}'],
  ["cluster-us-east-1-role", "cluster-us-iso-east-1-role"],
  ["s3-us-east-1.amazonaws.com", "s3-us-iso-east-1.amazonaws.com"],
  ["_us-east-1_", "_us-iso-east-1_"],
  ["/us-east-1/us-east-1/", "/us-iso-east-1/us-iso-east-1/"],
  [
    "us-east-1,us-east-1b,us-east-1",
    "us-iso-east-1,us-iso-east-1b,us-iso-east-1",
  ],
  ["\xe9us-east-1\xe9", "\xe9us-iso-east-1\xe9"],
  ["\0us-east-1a\xff", "\0us-iso-east-1a\xff"],
  ["us-us-east-1", "us-us-iso-east-1"],
];

const NEAR_MISSES: readonly string[] = [
  "",
  "u",
  "us-east-",
  "us-east-2",
  "us-east-10",
  "us-east-1ab",
  "us-east-1a1",
  "us-east-1aB",
  "us-east-1A",
  "us-east-1A\n",
  "xus-east-1",
  "Xus-east-1",
  "0us-east-1",
  "US-EAST-1",
  "us-east1",
  "use1-az4",
  "us-gov-east-1",
];

Deno.test("Rewriter.rewrite() replaces a region when it is a whole name", () => {
  for (const [body, expected] of WHOLE_NAMES) {
    assertEquals(rewrite(body, EAST), expected);
  }
});

Deno.test("Rewriter.rewrite() returns the same array when nothing matches", () => {
  const rewriter = new Rewriter(EAST);
  for (const text of NEAR_MISSES) {
    const body = bytesOf(text);
    assert(rewriter.rewrite(body) === body, text);
  }
});

/** New names by real ones, a body, and what becomes of it. */
const MAPS: ReadonlyArray<
  readonly [Readonly<Record<string, string>>, string, string]
> = [
  // The longest name, and a shorter one where that is not whole.
  [
    { us: "A", "us-east-1": "B", "us-east-1-bos-1": "C" },
    "us us-east-1 us-east-1-bos-1a us-west-1",
    "A B Ca A-west-1",
  ],
  [
    { "us-east": "A", "us-east-1": "B" },
    "us-east-10 us-east-1ab us-east-1",
    "A-10 A-1ab B",
  ],
  // Nothing is replaced twice.
  [
    { "us-east-1": "us-west-2", "us-west-2": "us-east-1" },
    "us-east-1 us-west-2a us-east-1",
    "us-west-2 us-east-1a us-west-2",
  ],
  [{ A: "xyz", "b-1": "c" }, "A-AA-b-1 A", "xyz-AA-c xyz"],
];

Deno.test("Rewriter.rewrite() takes the longest name that is whole, once", () => {
  for (const [names, body, expected] of MAPS) {
    assertEquals(rewrite(body, new Map(Object.entries(names))), expected);
  }
});

Deno.test("Rewriter.rewrite() respects a view when it starts within its buffer", () => {
  const whole = bytesOf("us-east-1 us-east-1 us-east-1");
  const view = whole.subarray(10, 19);
  assertEquals(textOf(new Rewriter(EAST).rewrite(view)), "us-iso-east-1");
  assertEquals(textOf(whole), "us-east-1 us-east-1 us-east-1");
});

Deno.test("Rewriter.empty says whether the map is empty", () => {
  const nothing = new Rewriter(new Map());
  const body = bytesOf("us-east-1");
  assert(nothing.empty);
  assert(nothing.rewrite(body) === body);
  assert(nothing.stream().push(body) === body);
  assert(!new Rewriter(EAST).empty);
});

Deno.test("Rewriter.stream() passes chunks on uncopied when nothing matches", () => {
  const stream = new Rewriter(EAST).stream();
  const chunk = bytesOf("instance-id\n");
  assert(stream.push(chunk) === chunk);
  assertEquals(stream.end().length, 0);
});

Deno.test("Rewriter.stream() holds back no more than a region and one byte", () => {
  const stream = new Rewriter(EAST).stream();
  const lead = 10_000;
  const pushed = stream.push(bytesOf(" ".repeat(lead) + "us-east-1a"));
  assertEquals(pushed.length, lead);
  assertEquals(textOf(stream.push(bytesOf("b"))), "us-east-1ab");
  assertEquals(stream.changed, false);
  stream.push(bytesOf(" us-ea"));
  assertEquals(textOf(stream.push(bytesOf("st-1 "))), "us-iso-east-1 ");
  assertEquals(stream.changed, true);
  assertEquals(stream.end().length, 0);
});

Deno.test("Rewriter.stream() remembers the byte before when a chunk ends in it", () => {
  const map = new Map([["us-east-1", "B"]]);
  for (
    const [chunks, expected] of [
      [["x", "us-east-1", "."], "xus-east-1."],
      [["-", "us-east-1", "."], "-B."],
      [["us-east-1", "us-east-1"], "us-east-1us-east-1"],
      [["us-east-1", "", "a", "", "-"], "Ba-"],
    ] as const
  ) {
    assertEquals(streamed(map, chunks.map(bytesOf)), expected);
  }
});

Deno.test("Rewriter.stream() agrees with the whole body when cut at any two places", () => {
  const map = new Map([...EAST, ["us-east", "X"], ["us-west-2", "y"]]);
  const body = "us-east-1a us-east-10,us-east-1ab us-west-2-lax-1a us-east";
  const expected = "us-iso-east-1a X-10,X-1ab y-lax-1a X";
  for (let i = 0; i <= body.length; i++) {
    for (let j = i; j <= body.length; j++) {
      const chunks = [body.slice(0, i), body.slice(i, j), body.slice(j)];
      assertEquals(streamed(map, chunks.map(bytesOf)), expected, `${i}, ${j}`);
    }
  }
});

function streamed(
  map: ReadonlyMap<string, string>,
  chunks: readonly Uint8Array[],
): string {
  const stream = new Rewriter(map).stream();
  const output = chunks.map((chunk) => textOf(stream.push(chunk)));
  return output.join("") + textOf(stream.end());
}
