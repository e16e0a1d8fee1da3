import { assertEquals } from "@std/assert";
import { goals, reached } from "../../bench/goals.ts";
import { growing, RESULTS } from "./results.ts";

/** What is said of memory: what, how much, and whether that is little enough. */
function memoryIn(...growth: Parameters<typeof goals>[1]) {
  return goals(RESULTS, growth, []).filter(({ unit }) => unit === "MB RSS")
    .map((goal) => [goal.what, goal.found?.median, reached(goal)]);
}

Deno.test("goals() names the load of the race, and finds the process that does the work", () => {
  assertEquals(memoryIn(), [
    ["Memory of the proxy process, idle", 44, true],
    [
      "Memory of the proxy process, peak under load, at most 64 connections",
      82,
      true,
    ],
  ]);
});

Deno.test("goals() holds memory to the same bound as work grows", () => {
  const found = memoryIn(
    growing("connections", { 1: 60, 1000: 98 }),
    growing("connections", { 1: 60, 256: 112, 1000: 110 }),
    growing("bytes", { 1: 60, 1048576: 89 }),
    growing("region pairs", { 50: 300 }),
  );
  assertEquals(found.slice(2), [
    [
      "Memory of the proxy process, peak with up to 1,000 connections",
      112,
      false,
    ],
    [
      "Memory of the proxy process, peak with up to 1,048,576 bytes a body",
      89,
      true,
    ],
  ]);
});
