import { assertEquals, assertMatch } from "@std/assert";
import { createFolder, REPOSITORY } from "../helpers/files.ts";

const HELPERS = new URL("tests/helpers/requires.ts", REPOSITORY).href;

Deno.test("run.ts ends a test that hangs, and names it with its file", async () => {
  await using folder = await createFolder();
  await Deno.writeTextFile(
    `${folder.path}/hanging_test.ts`,
    `import { testWith } from "${HELPERS}";
setInterval(() => {}, 1_000);
testWith([])("waits for ever", () => new Promise(() => {}));
`,
  );
  // What comes before the test begins has no name yet: then it was too early.
  let said = "";
  let code = 0;
  for (const minutes of [0.05, 0.5, 5]) {
    const ended = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-lock", "-P=test", "tests/run.ts"],
        ...["--quiet", "--no-lock", folder.path],
      ],
      cwd: REPOSITORY,
      env: { TEST_MINUTES: `${minutes}`, NO_COLOR: "1" },
    }).output();
    said = new TextDecoder().decode(ended.stdout);
    code = ended.code;
    if (said.includes("waits for ever")) break;
  }
  assertMatch(said, /^waits for ever => \S*hanging_test\.ts:3:/m);
  assertEquals(code, 130);
});
