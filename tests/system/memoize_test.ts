import { assertEquals } from "@std/assert";
import { memoize } from "../../lib/system/memoize.ts";

Deno.test("memoize() decides once on each input, long ones aside", () => {
  const asked: string[] = [];
  const isLong = memoize((input) => {
    asked.push(input);
    return input.length > 256;
  });
  const long = "x".repeat(257);
  assertEquals(["a", "a", "b", "b", "a"].map(isLong), Array(5).fill(false));
  assertEquals([isLong(long), isLong(long)], [true, true]);
  assertEquals(asked, ["a", "b", long, long]);
});

Deno.test("memoize() forgets when there is too much to remember", () => {
  let asked = 0;
  const decide = memoize((input) => {
    asked++;
    return input;
  });
  for (let i = 0; i < 513; i++) decide(`${i}`);
  decide("0");
  assertEquals(asked, 514);
});
