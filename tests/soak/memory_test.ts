import { assertEquals } from "@std/assert";
import { courseOf } from "./memory.ts";
import type { Vitals } from "./vitals.ts";

/** Looks, ten seconds from each other. */
function seen(pid: number, ...own: readonly number[]): Vitals[] {
  return own.map((it, i) => ({
    pid,
    at: i * 10_000,
    rss: 2 * it,
    own: it,
    descriptors: 9,
  }));
}

Deno.test("courseOf() compares the last quarter with the first after the warm-up", () => {
  const looks = seen(1, 10, 20, 40, 41, 42, 43, 44, 45, 46, 47);
  assertEquals(courseOf(looks), {
    seconds: 70,
    first: 41,
    last: 47,
    peak: 94,
    judged: true,
    grew: false,
  });
});

Deno.test("courseOf() tells growth beyond the bound", () => {
  const looks = seen(1, 10, 20, 30, 40, 44, 46, 48, 50, 51, 80, 80);
  assertEquals(courseOf(looks).grew, true);
});

/** A process that takes so much more each second, looked at for a minute. */
function leaking(megabytes: number): Vitals[] {
  const own = Array.from({ length: 60 }, (_, i) => 30 + i * megabytes);
  return seen(1, ...own).map((look, i) => ({ ...look, at: i * 1_000 }));
}

Deno.test("courseOf() tells a leak of 1 MB a second within a minute", () => {
  assertEquals(courseOf(leaking(1)).grew, true);
  assertEquals(courseOf(leaking(0.5)).grew, false);
});

Deno.test("courseOf() judges only a process that lasted, the last one", () => {
  const { judged, grew } = courseOf(seen(1, 10, 20, 40, 80, 90));
  assertEquals({ judged, grew }, { judged: false, grew: false });
  const two = [...seen(1, 10, 10, 10, 10, 10), ...seen(2, 90, 90, 90)];
  assertEquals(courseOf(two).first, 90);
});
