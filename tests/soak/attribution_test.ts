import { assertEquals } from "@std/assert";
import { attribute, type Failure, type What } from "./attribution.ts";

const KILL = {
  name: "child killed",
  allowed: ["refused", "lost"],
  from: 1_000,
  to: 1_500,
} as const;

function failure(what: What, from: number, to: number): Failure {
  return { client: "curl", what, from, to, at: to, path: "/" };
}

Deno.test("attribute() gives a failure to the fault within whose time its cause can lie", () => {
  const failures = [
    failure("refused", 1_100, 1_101),
    failure("lost", 900, 1_000),
    failure("lost", 1_500, 9_000),
    failure("lost", 500, 2_000),
  ];
  assertEquals(attribute([KILL], failures), {
    explained: [{ fault: KILL, failures }],
    unexplained: [],
  });
});

Deno.test("attribute() explains nothing by a fault before or after", () => {
  const failures = [
    failure("refused", 990, 999),
    failure("refused", 1_501, 1_502),
  ];
  assertEquals(attribute([KILL], failures).unexplained, failures);
});

Deno.test("attribute() explains nothing that a fault does not allow", () => {
  const failures = [failure("real", 1_100, 1_101), failure("wrong", 0, 9_000)];
  assertEquals(attribute([KILL], failures).unexplained, failures);
});
