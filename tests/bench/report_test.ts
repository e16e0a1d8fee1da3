import { assertEquals, assertStringIncludes } from "@std/assert";
import { raceReport } from "../../bench/report.ts";
import { RESULTS } from "./results.ts";

/** The cells of a row of the first table, the others' name left out. */
function rowOf(name: string): readonly string[] {
  const line = raceReport(RESULTS).split("\n")
    .find((it) => it.startsWith(`| ${name} |`));
  return (line ?? "").split("|").slice(2, -1).map((cell) => cell.trim());
}

Deno.test("raceReport() gives requests, p50 and processor time as multiples, round by round", () => {
  assertEquals(
    rowOf("**c2s-imds**"),
    [
      ...["2,000", "1.00 (0.500–1.50)"],
      ...["2.50", "1.25 (0.500–2.00)"],
      ...["5.00", "7.50"],
      ...["4.00", "1.25 (0.500–2.00)", "0"],
    ],
  );
  assertEquals(rowOf("nginx sub_filter")[1], "1.00");
});

Deno.test("raceReport() says nothing of the upstream's processor time", () => {
  assertEquals(rowOf("direct").slice(6, 8), ["–", "–"]);
});

Deno.test("raceReport() takes idle memory from the process that does the work", () => {
  const text = raceReport(RESULTS);
  assertStringIncludes(
    text,
    "| **c2s-imds** | 2 | 100 | 57.0 | 96.0 | 44.0 | 82.0 |",
  );
});
