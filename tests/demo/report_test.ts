import { assertEquals, assertStringIncludes } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import type { Comparison, Question } from "../../lib/demo/comparison.ts";
import { renderTable } from "../../lib/demo/report.ts";

const SECRET = { hidden: "secret" };

/** A comparison of two bodies. */
function compared(
  path: string,
  real: string,
  through: string,
  { status = 200, ...special }: Partial<Question> & { status?: number } = {},
): Comparison {
  const answer = (text: string) => ({
    status,
    headers: new Map(),
    body: new TextEncoder().encode(text),
  });
  return {
    question: { directory: "/latest/", path, ...special },
    real: answer(real),
    through: answer(through),
    changed: real !== through,
  };
}

function table(
  comparisons: readonly Comparison[],
  colour = false,
  columns = 100,
): string {
  return renderTable(comparisons, { colour, columns });
}

const REGION = compared("region", "us-east-1", "us-iso-east-1");

Deno.test("renderTable() shows each directory once, each field on a line, and marks what changed", () => {
  const comparisons = [
    REGION,
    compared("id", "i-1", "i-1"),
    compared("key", "hush", "hush", SECRET),
    compared("key", "hush", "husht", SECRET),
    compared(
      "x",
      '{"name":"us-east-1","region":"us-east-1"}',
      '{"name":"us-east-1","region":"us-iso-east-1"}',
      {
        directory: "/openstack/",
        fields: ["region", "name"],
      },
    ),
  ];
  assertEquals(
    table(comparisons).split("\n"),
    [
      "path                              real (asked directly)            through c2s-imds",
      "─".repeat(100),
      "/latest/",
      "  region                          us-east-1                      → us-iso-east-1",
      "  id                              i-1                              i-1",
      "  key                             secret, 4 bytes                  the same to the byte",
      "  key                             secret, 4 bytes                → secret, 5 bytes",
      "/openstack/",
      "  x                               region: us-east-1              → region: us-iso-east-1",
      "                                  name: us-east-1                  name: us-east-1",
      "",
    ],
  );
});

Deno.test("renderTable() picks out the region in bold green when there is colour", () => {
  const zone = compared("zone", "us-east-1a", "us-iso-east-1a");
  assertStringIncludes(
    table([zone], true),
    "us-east-1a                     \x1b[1;32m→\x1b[0m \x1b[1;32mus-iso-east-1\x1b[0ma\n",
  );
});

Deno.test("renderTable() fits 100 columns and one line a value whatever they hold", () => {
  const long = `us-east-1${"y".repeat(200)}`;
  const all = [
    compared("x".repeat(200), long, long.replace("-", "-iso-")),
    compared("list", "one\ntwo\n", "one\ntwo\n"),
    compared("bell", "\x07\x1b[31m", "\x07\x1b[31m"),
    compared("none", "<html>", "<html>", { status: 404 }),
    compared("d", "", "", { directory: `/${"z".repeat(200)}/` }),
  ];
  for (const colour of [false, true]) {
    const lines = stripVTControlCharacters(table(all, colour)).split("\n");
    assertEquals(lines.filter((line) => [...line].length > 100), []);
    assertEquals(lines.length, 10);
  }
  for (const text of ["one, two", "\\u{7}\\u{1b}[31m", "status 404"]) {
    assertStringIncludes(table(all), text);
  }
});

Deno.test("renderTable() stacks what has fewer than 100 columns", () => {
  const role = compared("role", "us-east-1-role", "us-east-1-role");
  const fields = compared(
    "x",
    '{"name":"n","zone":"us-east-1a"}',
    '{"name":"n","zone":"us-iso-east-1a"}',
    { fields: ["zone", "name"] },
  );
  const key = compared("key", "hush", "hush", SECRET);
  assertEquals(
    table([REGION, role, fields, key], false, 99).split("\n"),
    [
      "path, real answer, → through c2s-imds",
      "─".repeat(99),
      "/latest/",
      "  region",
      "      us-east-1",
      "    → us-iso-east-1",
      "  role",
      "      us-east-1-role",
      "  x",
      "      zone: us-east-1a",
      "    → zone: us-iso-east-1a",
      "      name: n",
      "  key",
      "      secret, 4 bytes",
      "",
    ],
  );
});
