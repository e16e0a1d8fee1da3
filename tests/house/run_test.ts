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
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-lock", "-P=test", "tests/run.ts"],
      ...["--quiet", "--no-lock", folder.path],
    ],
    cwd: REPOSITORY,
    env: { TEST_MINUTES: "0.1", NO_COLOR: "1" },
  }).output();
  assertMatch(
    new TextDecoder().decode(stdout),
    /^waits for ever => \S*hanging_test\.ts:3:/m,
  );
  assertEquals(code, 130);
});
