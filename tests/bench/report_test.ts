import { assertEquals, assertStringIncludes } from "@std/assert";
import { COLD, HOT, NGINX } from "../../bench/contestants.ts";
import { goals, goalsReport } from "../../bench/goals.ts";
import {
  ratio,
  type Sample,
  type Section,
  sectionReport,
} from "../../bench/report.ts";
import { CPU, DIRECT, FAILED, P99 } from "../../bench/sections.ts";

function section(rounds: Readonly<Record<string, Sample[]>>): Section {
  return {
    title: "A service",
    about: "Three rounds.",
    rounds: new Map(Object.entries(rounds)),
    compared: [CPU],
    base: NGINX,
  };
}

/** Three rounds in which the machine grew slower. */
const BURSTS = section({
  [DIRECT]: [{ [CPU]: NaN, [FAILED]: 0 }],
  [HOT]: [10, 30, 80].map((cpu) => ({ [CPU]: cpu, [FAILED]: 0 })),
  [NGINX]: [20, 30, 100].map((cpu) => ({ [CPU]: cpu, [FAILED]: 2 })),
});

Deno.test("ratio() compares round by round", () => {
  assertEquals(ratio(BURSTS, HOT, NGINX, CPU), 0.8);
  assertEquals(ratio(BURSTS, "nobody", NGINX, CPU), NaN);
});

Deno.test("sectionReport() gives medians, and multiples of what they are compared with", () => {
  const text = sectionReport(BURSTS);
  for (
    const row of [
      "|  | CPU µs | × | failed |",
      "| direct | – | – | 0 |",
      "| **c2s-imds** | 30 | 0.80 | 0 |",
      `| ${NGINX} | 30 | 1 | 2 |`,
    ]
  ) assertStringIncludes(text, row);
});

Deno.test("goalsReport() says what was reached, what was not, and what nobody measured", () => {
  const crowd = section({ [COLD]: [{ [FAILED]: 0, [P99]: 301 }] });
  const text = goalsReport(goals({ keeping: BURSTS, crowd }));
  for (
    const row of [
      `| From memory, service keeps, CPU a request, of ${NGINX} | ≤ 1 | 0.80 | yes |`,
      `| From memory, service closes, requests/s, of ${NGINX} | ≥ 1.2 | – | not measured |`,
      "| 1,000 connections, every request going up, failed | ≤ 0 | 0 | yes |",
      "| 1,000 connections, every request going up, p99 | ≤ 300 ms | 301 | **no** |",
    ]
  ) assertStringIncludes(text, row);
});
