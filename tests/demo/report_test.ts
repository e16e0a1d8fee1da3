import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { judge } from "../../lib/demo/comparison.ts";
import type { Question, View } from "../../lib/demo/questions.ts";
import {
  renderReport,
  renderTable,
  unexpectedAnswers,
} from "../../lib/demo/report.ts";
import type { MetadataAnswer } from "../../lib/system/metadata_client.ts";

const REGIONS = { real: "us-east-1", emulated: "us-iso-east-1" };
const PLAIN = { emulated: REGIONS.emulated, colour: false };
const COLOUR = { emulated: REGIONS.emulated, colour: true };

function answered(text: string, status = 200): MetadataAnswer {
  return { status, headers: new Map(), body: new TextEncoder().encode(text) };
}

function question(path: string, special: Partial<Question> = {}): Question {
  return {
    directory: "/latest/",
    path,
    status: 200,
    view: { kind: "text" },
    ...special,
  };
}

/** A comparison of two bodies. */
function compared(asked: Question, real: string, through: string) {
  return judge(
    asked,
    answered(real, asked.status),
    answered(through, asked.status),
    REGIONS,
  );
}

const ID = compared(question("id"), "i-1", "i-1");
const REGION = compared(
  question("region", { changes: /.+/g }),
  "us-east-1",
  "us-iso-east-1",
);

/** The rows below title, line and directory. */
function rows(table: string): string[] {
  return table.split("\n").slice(3, -1);
}

Deno.test("renderTable() names the columns and each directory once", () => {
  const id = compared(question("id"), "i-1", "i-1");
  const other = compared(
    question("x", { directory: "/openstack/" }),
    "a",
    "a",
  );
  assertEquals(
    renderTable([REGION, id, other], PLAIN).split("\n"),
    [
      "path                              real (asked directly)            through c2s-imds",
      "─".repeat(100),
      "/latest/",
      "  region                          us-east-1                      → us-iso-east-1",
      "  id                              i-1                              i-1",
      "/openstack/",
      "  x                               a                                a",
      "",
    ],
  );
});

Deno.test("renderTable() picks out the region in bold green when there is colour", () => {
  const zone = compared(
    question("zone", { changes: /.+/g }),
    "us-east-1a",
    "us-iso-east-1a",
  );
  const [row = ""] = rows(renderTable([zone], COLOUR));
  assertStringIncludes(row, "us-east-1a ");
  assert(row.endsWith("\x1b[1;32m→\x1b[0m \x1b[1;32mus-iso-east-1\x1b[0ma"));
});

Deno.test("renderTable() marks what is not as it must be", () => {
  const changed = compared(question("name"), "us-east-1", "us-iso-east-1");
  const unchanged = compared(
    question("region", { changes: /.+/g }),
    "us-east-1",
    "us-east-1",
  );
  for (const row of rows(renderTable([changed, unchanged], PLAIN))) {
    assertStringIncludes(row, " ! us-");
  }
  const [row = ""] = rows(renderTable([changed], COLOUR));
  assertStringIncludes(row, "\x1b[1;31mus-iso-east-1\x1b[0m");
});

Deno.test("renderTable() gives each field a line and marks those that changed", () => {
  const document = compared(
    question("document", {
      view: { kind: "fields", names: ["region", "name"] },
      changes: /"region":"[^"]*"/g,
    }),
    '{"name":"us-east-1","region":"us-east-1"}',
    '{"name":"us-east-1","region":"us-iso-east-1"}',
  );
  assertEquals(rows(renderTable([document], PLAIN)), [
    "  document                        region: us-east-1              → region: us-iso-east-1",
    "                                  name: us-east-1                  name: us-east-1",
  ]);
});

Deno.test("renderTable() never shows the bytes of what it shows the size of", () => {
  const view: View = { kind: "size", what: "secret" };
  const same = compared(question("key", { view }), "hush", "hush");
  const other = compared(question("key", { view }), "hush", "husht");
  const table = renderTable([same, other], PLAIN);
  assertEquals(rows(table), [
    "  key                             secret, 4 bytes                  the same to the byte",
    "  key                             secret, 4 bytes                ! secret, 5 bytes",
  ]);
});

Deno.test("renderTable() fits 100 columns and one line a value whatever they hold", () => {
  const long = `us-east-1${"y".repeat(200)}`;
  const all = [
    compared(
      question("x".repeat(200), { changes: /us-east-1/g }),
      long,
      long.replace("us-east-1", "us-iso-east-1"),
    ),
    compared(question("list"), "one\ntwo\n", "one\ntwo\n"),
    compared(question("bell"), "\x07\x1b[31m", "\x07\x1b[31m"),
    compared(question("none", { status: 404 }), "<html>", "<html>"),
    compared(
      question("json", { view: { kind: "fields", names: ["a"] } }),
      "-",
      "-",
    ),
    compared(question("d", { directory: `/${"z".repeat(200)}/` }), "", ""),
  ];
  for (const style of [PLAIN, COLOUR]) {
    const lines = stripVTControlCharacters(renderTable(all, style))
      .split("\n");
    assertEquals(lines.filter((line) => [...line].length > 100), []);
    assertEquals(lines.length, 11);
  }
  const table = renderTable(all, PLAIN);
  assertStringIncludes(table, "one, two");
  assertStringIncludes(table, "\\u{7}\\u{1b}[31m");
  assertStringIncludes(table, "status 404");
  assertStringIncludes(table, "a: not JSON");
});

Deno.test("renderReport() says where it asked and counts what changed", () => {
  const comparisons = [ID, REGION, ID];
  const report = renderReport(
    {
      comparisons,
      urls: { real: "http://127.0.0.1:1", through: "http://127.0.0.1:2" },
      regions: REGIONS,
    },
    false,
  );
  assertEquals(report.split("\n").slice(0, 3), [
    "A simulated instance in us-east-1, asked as an SDK asks (IMDSv2, with a token):",
    "directly at http://127.0.0.1:1, and through c2s-imds at http://127.0.0.1:2.",
    "",
  ]);
  assertStringIncludes(
    report,
    "\n\n1 of 3 answers changed (→), the other 2 are the same to the byte.\n",
  );
});

Deno.test("unexpectedAnswers() names every path", () => {
  assertEquals(
    unexpectedAnswers([REGION, ID]).message,
    'Cannot confirm the rewriting: unexpected answer to "/latest/region", "/latest/id"',
  );
});
