import { assertEquals, assertMatch } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";

const HELPERS = new URL("tests/helpers/requires.ts", REPOSITORY).href;

Deno.test("run.ts ends a test that hangs, and names it with its file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-hanging-" });
  try {
    await Deno.writeTextFile(
      `${folder}/hanging_test.ts`,
      `import { testWith } from "${HELPERS}";
setInterval(() => {}, 1_000);
testWith([])("waits for ever", () => new Promise(() => {}));
`,
    );
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-lock", "-P=test", "tests/run.ts"],
        ...["--quiet", "--no-lock", folder],
      ],
      cwd: REPOSITORY,
      env: { TEST_MINUTES: "0.1", NO_COLOR: "1" },
    }).output();
    assertMatch(
      new TextDecoder().decode(stdout),
      /^waits for ever => \S*hanging_test\.ts:3:/m,
    );
    assertEquals(code, 130);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
