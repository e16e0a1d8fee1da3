import { assertEquals } from "@std/assert";
import { concat, equals } from "../../lib/system/bytes.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("concat() joins parts in order", () => {
  assertEquals(concat([]), bytes());
  assertEquals(concat([bytes(1, 2), bytes(), bytes(3)]), bytes(1, 2, 3));
});

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
