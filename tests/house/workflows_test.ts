import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import { sourceFiles } from "../helpers/files.ts";

const WORKFLOWS = sourceFiles(".github/workflows");

Deno.test("workflows pin actions by commit, and ask for no permission they do not need", () => {
  assert(WORKFLOWS.length > 0);
  for (const { path, text } of WORKFLOWS) {
    for (const [, used = ""] of text.matchAll(/uses: (.*)/g)) {
      if (used.startsWith("./")) continue;
      assertMatch(used, /^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, path);
    }
    const { permissions } = parse(text) as { permissions: unknown };
    assertEquals(permissions, { contents: "read" }, path);
  }
});
