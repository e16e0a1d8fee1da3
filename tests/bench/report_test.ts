import { assertEquals, assertStringIncludes } from "@std/assert";
import { HOT, NGINX } from "../../bench/contestants.ts";
import { ratio, type Section, sectionReport } from "../../bench/report.ts";
import { CPU, DIRECT } from "../../bench/sections.ts";

/** Three rounds in which the machine grew slower. */
const SECTION: Section = {
  title: "A service",
  about: "Three rounds.",
  rounds: new Map([
    [DIRECT, [{ [CPU]: NaN, failed: 0 }]],
    [HOT, [10, 30, 80].map((cpu) => ({ [CPU]: cpu, failed: 0 }))],
    [NGINX, [20, 40, 80].map((cpu) => ({ [CPU]: cpu, failed: 2 }))],
  ]),
  compared: [CPU],
  base: NGINX,
};

Deno.test("ratio() compares round by round", () => {
  assertEquals(ratio(SECTION, HOT, NGINX, CPU), 0.75);
  assertEquals(ratio(SECTION, "nobody", NGINX, CPU), NaN);
});

Deno.test("sectionReport() gives medians, and multiples of what they are compared with", () => {
  const text = sectionReport(SECTION);
  for (
    const row of [
      "|  | CPU µs | × | failed |",
      "| direct | – | – | 0 |",
      "| **c2s-imds** | 30 | 0.75 | 0 |",
      `| ${NGINX} | 40 | 1 | 2 |`,
    ]
  ) assertStringIncludes(text, row);
});
