import { assertEquals } from "@std/assert";
import {
  type Failure,
  memoryOf,
  misfits,
  strayErrors,
  type What,
} from "./judgement.ts";

const KILL = {
  name: "child killed",
  allowed: ["refused", "lost"],
  shows: "refused",
  from: 1_000,
  to: 1_500,
} as const;

function failure(what: What, from: number, to: number): Failure {
  return { client: "curl", what, from, to, path: "/" };
}

/** What clients met, and what of it the death of a child does not explain. */
const MET: Readonly<Record<string, readonly [Failure[], string[]]>> = {
  "what can come from it": [[
    failure("refused", 1_100, 1_101),
    failure("lost", 900, 1_000),
    failure("lost", 1_500, 9_000),
    failure("lost", 500, 2_000),
  ], []],
  "what came before or after": [[
    failure("refused", 1_100, 1_101),
    failure("refused", 990, 999),
    failure("refused", 1_501, 1_502),
  ], [
    `No fault explains 2 times "curl: refused", first at 1970-01-01T00:00:00.990Z for /`,
  ]],
  "what it may not do": [[
    failure("refused", 1_100, 1_101),
    failure("real", 1_100, 1_101),
  ], [
    `No fault explains 1 times "curl: real", first at 1970-01-01T00:00:01.100Z for /`,
  ]],
  "nothing, though it must": [[], [`No client noticed "child killed"`]],
};

for (const [what, [failures, expected]] of Object.entries(MET)) {
  Deno.test(`misfits() judges ${what}`, () => {
    assertEquals(misfits([KILL], failures), expected);
  });
}

Deno.test("memoryOf() tells a leak of 1 MB a second within a minute, and no other", () => {
  const looks = (megabytes: number, count = 60) =>
    Array.from({ length: count }, (_, i) => 30 + i * megabytes);
  assertEquals(memoryOf("child", looks(1)), {
    problem: "Memory grew, child: from 50.0 to 84.0 MB of its own",
    course: "child: from 50.0 to 84.0 MB of its own",
  });
  assertEquals(memoryOf("child", looks(0.5)), {
    course: "child: from 40.0 to 57.0 MB of its own",
  });
  assertEquals(
    memoryOf("child", looks(0, 39)).problem,
    "child: watched for 39 s, too short to tell",
  );
});

Deno.test("strayErrors() tells of errors that no fault leads to", () => {
  const stray = "2026-01-01T00:00:00.000Z error cannot forward a request";
  const log = [
    `2026-01-01T00:00:00.000Z error the proxy died pid=1 how="signal SIGKILL"`,
    "2026-01-01T00:00:00.000Z warn the metadata service failed",
    stray,
    "",
  ].join("\n");
  assertEquals(strayErrors(log), [stray]);
});
