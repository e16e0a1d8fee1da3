/**
 * The workflows before actionlint, which knows what GitHub Actions take.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createFolder, REPOSITORY, sourceFiles } from "../helpers/files.ts";
import { testWith } from "../helpers/requires.ts";
import { GO, judges } from "./judges.ts";

const WORKFLOWS = sourceFiles(".github/workflows");

/** What is wrong in a copy, and what is said to it. */
const BROKEN = [
  ["runs-on:", "run-on:", 'unexpected key "run-on"'],
  ["needs: gate", "needs: gates", "does not exist"],
  ["github.ref }}", "github.reff }}", 'property "reff" is not defined'],
  ["contents: read", "content: read", "unknown permission scope"],
] as const;

testWith(GO)("actionlint takes the workflows, and no broken ones", async () => {
  const judged = await judges();
  const files = WORKFLOWS.map(({ path }) => new URL(path, REPOSITORY).pathname);
  const { code, stderr } = await judged.workflows(files);
  assertEquals([code, stderr], [0, ""]);
  await using folder = await createFolder();
  for (const [right, wrong, says] of BROKEN) {
    const text = WORKFLOWS.find(({ text }) => text.includes(right))?.text;
    assert(text !== undefined, right);
    const file = `${folder.path}/broken.yml`;
    await Deno.writeTextFile(file, text.replace(right, wrong));
    const { code, stderr } = await judged.workflows([file]);
    assertEquals(code, 1, wrong);
    assertStringIncludes(stderr, says);
  }
});
