import { assertEquals } from "@std/assert";
import { equals } from "../../lib/system/bytes.ts";

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
