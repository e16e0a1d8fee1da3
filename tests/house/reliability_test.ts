/**
 * docs/reliability.md claims nothing that no test shows.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { sourceFiles } from "../helpers/files.ts";

/** What stands for a test where it takes minutes. */
const SOAK = "deno task soak";

/** The last cell of each row of four: it names tests. */
function testCells(): string[] {
  const [page] = sourceFiles("docs/reliability.md");
  return (page?.text ?? "").split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([what, , , tests]) =>
      what !== "What is done" &&
      what !== "What is sent" && !tests?.startsWith("--")
    )
    .map(([what, expected, measured, tests]) => {
      assert(what && expected && measured && tests, `A cell is empty: ${what}`);
      return tests;
    });
}

/** The tests in a cell: a link to a file, then names in it. */
function namedIn(cell: string): string[] {
  let file = "";
  const marks = cell.matchAll(/\[[^\]]*\]\(\.\.\/([^)]+)\)|`([^`]+)`/g);
  return [...marks].flatMap(([, link, name]) => {
    file = link ?? file;
    return name === undefined || name === SOAK ? [] : `${file}: ${name}`;
  });
}

const TEST =
  /\b(?:Deno\.test|testWith)\(\s*(?:(?:\w+|\[[^\]]*\])(?:,\s*|\)\(\s*))?(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

/** The tests that the files of a folder hold, as they are named in cells. */
function testsIn(folder: string): string[] {
  return sourceFiles(folder).flatMap(({ path, text }) =>
    [...text.matchAll(TEST)].map(([, plain, template]) =>
      `${path}: ${plain ?? template}`
    )
  );
}

Deno.test("docs/reliability.md names tests that are there, and every test of tests/reliability", () => {
  const cells = testCells();
  assert(cells.length > 40, `Only ${cells.length} rows were found`);
  const named = cells.flatMap((cell) => {
    const tests = namedIn(cell);
    assert(tests.length > 0 || cell === `\`${SOAK}\``, cell);
    return tests;
  });
  const all = testsIn("tests");
  assertEquals(named.filter((test) => !all.includes(test)), []);
  assertEquals(
    testsIn("tests/reliability").filter((test) => !named.includes(test)),
    [],
  );
});
