import { assertEquals } from "@std/assert";
import { type Failure, memoryOf, misfits, type What } from "./judgement.ts";

const KILL = {
  name: "child killed",
  allowed: ["refused", "lost"],
  from: 1_000,
  to: 1_500,
} as const;

Deno.test("misfits() tells what can come of a fault from what cannot", () => {
  const failure = (what: What, from: number, to: number): Failure => ({
    ...{ client: "new", what, from, to, path: "/" },
  });
  assertEquals(
    misfits([KILL], [
      failure("refused", 1_100, 1_101),
      failure("lost", 900, 1_000),
      failure("lost", 1_500, 9_000),
    ]),
    [],
  );
  assertEquals(
    misfits([KILL], [
      failure("refused", 990, 999),
      failure("refused", 1_501, 1_502),
      failure("real", 1_100, 1_101),
    ]),
    [
      `No fault explains 2 times "new: refused", first at 1970-01-01T00:00:00.990Z for /`,
      `No fault explains 1 times "new: real", first at 1970-01-01T00:00:01.100Z for /`,
    ],
  );
});

Deno.test("memoryOf() tells a leak of 1 MB a second within a minute, and no other", () => {
  const looks = (megabytes: number, count = 60) =>
    Array.from({ length: count }, (_, i) => 30 + i * megabytes);
  for (
    const [seen, problem] of [
      [looks(1), "Memory grew, child: from 40.0 to 80.0 MB of its own in 60 s"],
      [looks(0.5), undefined],
      [
        looks(0, 29),
        "Too short: child: from 30.0 to 30.0 MB of its own in 29 s",
      ],
    ] as const
  ) {
    assertEquals(memoryOf("child", seen).problem, problem);
  }
});
