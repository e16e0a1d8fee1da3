import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { judge } from "../../lib/commands/demo_comparison.ts";
import type { Question, View } from "../../lib/commands/demo_questions.ts";
import { cut, renderTable } from "../../lib/commands/demo_table.ts";
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

Deno.test("renderTable() says the same with colour and without", () => {
  const same = compared(question("id"), "i-1", "i-1");
  const wrong = compared(question("name"), "us-east-1", "us-iso-east-1");
  const all = [REGION, same, wrong];
  assertEquals(
    stripVTControlCharacters(renderTable(all, COLOUR)),
    renderTable(all, PLAIN),
  );
  assert(!renderTable(all, PLAIN).includes("\x1b"));
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

Deno.test("cut() leaves the beginning and the end when a text is too long", () => {
  for (
    const [text, width, shown] of [
      ["us-east-1", 9, "us-east-1"],
      ["us-east-1", 8, "us-e…t-1"],
      ["us-east-1", 7, "us-…t-1"],
      ["us-east-1", 2, "u…"],
      ["us-east-1", 1, "…"],
      ["", 4, ""],
      ["😀😀😀😀", 3, "😀…😀"],
    ] as const
  ) assertEquals(cut(text, width), shown);
});
