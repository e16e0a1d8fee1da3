/**
 * docs/reliability.md claims nothing that no test shows.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { sourceFiles } from "../helpers/files.ts";

const PAGE = "docs/reliability.md";
const TABLES = [
  "Load held",
  "Faults survived",
  "Bad inputs tried",
  "Losses: none",
] as const;

/** What stands for a test where it takes minutes. */
const SOAK = "deno task soak";

/** A test by its file and its name, template parts as they are written. */
interface Named {
  readonly file: string;
  readonly name: string;
}

/** The cells of each row, by the heading the table stands under. */
function tables(): ReadonlyMap<string, readonly string[][]> {
  const [page] = sourceFiles(PAGE);
  const sections = (page?.text ?? "").split(/^## /m).slice(1);
  return new Map(sections.map((section) => [
    section.slice(0, section.indexOf("\n")),
    section.split("\n").filter((line) => line.startsWith("| ")).slice(2)
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim())),
  ]));
}

/** The tests in a cell: a link to a file, then names in it, as often as need be. */
function namedIn(cell: string): Named[] {
  const named: Named[] = [];
  let file = "";
  for (
    const [, link, name] of cell.matchAll(
      /\[[^\]]*\]\(\.\.\/([^)]+)\)|`([^`]+)`/g,
    )
  ) {
    if (link !== undefined) file = link;
    else if (name !== undefined && name !== SOAK) named.push({ file, name });
  }
  return named;
}

const TEST =
  /\b(?:Deno\.test|testWith)\(\s*(?:\{\s*name:\s*|(?:\w+|\[[^\]]*\])(?:,\s*|\)\(\s*))?(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

/** The tests that a file or the files of a folder hold. */
function testsIn(path: string): Named[] {
  return sourceFiles(path).flatMap(({ path: file, text }) =>
    [...text.matchAll(TEST)].map(([, plain, template]) => ({
      file,
      name: plain ?? template ?? "",
    }))
  );
}

const ROWS = [...tables()].filter(([heading]) =>
  (TABLES as readonly string[]).includes(heading)
).flatMap(([heading, rows]) => rows.map((cells) => ({ heading, cells })));

function text({ file, name }: Named): string {
  return `${file}: ${name}`;
}

Deno.test("docs/reliability.md has its four tables, and every row says what was expected, measured and by which test", () => {
  for (const heading of TABLES) {
    assert(ROWS.some((row) => row.heading === heading), `${heading} is empty`);
  }
  for (const { cells } of ROWS) {
    assertEquals(cells.length, 4, cells.join(" | "));
    assert(cells.every((cell) => cell !== ""), cells.join(" | "));
    const [, , , cell = ""] = cells;
    assert(namedIn(cell).length > 0 || cell === `\`${SOAK}\``, cell);
  }
});

Deno.test("every test that docs/reliability.md names is there", () => {
  const missing = ROWS.flatMap(({ cells }) => namedIn(cells[3] ?? ""))
    .filter(({ file, name }) => !testsIn(file).some((it) => it.name === name));
  assertEquals(missing.map(text), []);
});

Deno.test("docs/reliability.md names every test of tests/reliability", () => {
  const named = ROWS.flatMap(({ cells }) => namedIn(cells[3] ?? "")).map(text);
  const tests = testsIn("tests/reliability");
  assert(tests.length > 20, `Only ${tests.length} tests were found`);
  assertEquals(tests.map(text).filter((it) => !named.includes(it)), []);
});
