import { assertEquals } from "@std/assert";
import { HOLD_BACK_MS, seldom } from "../../lib/observe/seldom.ts";

Deno.test("seldom() writes an event once a minute and says how many it held back", () => {
  const written: unknown[] = [];
  let now = 0;
  const write = seldom((...event) => written.push(event), {
    now: () => now,
  });
  for (let i = 0; i < 100; i++) write("looping", { uid: 1 });
  assertEquals(written, [["looping", { uid: 1 }]]);
  now = HOLD_BACK_MS;
  write("looping", { uid: 1 });
  now = 2 * HOLD_BACK_MS;
  write("looping");
  assertEquals(written.slice(1), [
    ["looping", { uid: 1, held_back: 99 }],
    ["looping", {}],
  ]);
});

Deno.test("seldom() writes an event as often in a minute as it is told", () => {
  const written: unknown[] = [];
  let now = 0;
  const write = seldom((message, fields) => written.push([message, fields]), {
    most: 2,
    now: () => now,
  });
  for (const message of ["a", "b", "c", "d"]) {
    write(message);
    now += 15_000;
  }
  write("e");
  assertEquals(written, [["a", {}], ["b", {}], ["e", { held_back: 2 }]]);
});
