import { assert, assertEquals } from "@std/assert";
import { asciiOf, equals, searchable } from "../../lib/system/bytes.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("equals() compares length and every byte", () => {
  for (
    const [one, other, same] of [
      [bytes(), bytes(), true],
      [bytes(1, 2), bytes(1, 2), true],
      [bytes(1, 2), bytes(1), false],
      [bytes(1), bytes(1, 2), false],
      [bytes(1, 2), bytes(1, 3), false],
    ] as const
  ) assertEquals(equals(one, other), same);
});

Deno.test("searchable() has one character for each byte, and ASCII as it is", () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const others = ["\xef\xbb\xbfbom", "\xc3\xbc", "\xff\xfe", "\xef\xbf\xbd"];
  const cases = others.map((text) =>
    Uint8Array.from(text, (character) => character.charCodeAt(0))
  );
  for (const some of [every, ...cases]) {
    const text = searchable(some);
    assertEquals(asciiOf(some), undefined);
    assertEquals(text.length, some.length);
    for (const [i, byte] of some.entries()) {
      const code = text.charCodeAt(i);
      if (byte < 0x80) assertEquals(code, byte);
      else assert(code >= 0x80);
    }
  }
  const ascii = every.subarray(0, 128);
  assertEquals(asciiOf(ascii), String.fromCharCode(...ascii));
  assertEquals(searchable(ascii), asciiOf(ascii));
});
