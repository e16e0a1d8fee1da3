import { assertEquals, assertStringIncludes } from "@std/assert";
import { createFolder } from "./files.ts";

const REQUIRES = new URL("requires.ts", import.meta.url).href;

/** Runs a file with one test that needs what is nowhere. */
async function runs(ci: string): Promise<{ code: number; said: string }> {
  await using folder = await createFolder();
  const file = `${folder.path}/needy_test.ts`;
  await Deno.writeTextFile(
    file,
    `import { testWith } from "${REQUIRES}";
testWith([{ from: "nowhere", command: "no-such" }])("name", () => {});`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--no-config", "--no-lock", "-A", file],
    env: { CI: ci, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, said: text.decode(stdout) + text.decode(stderr) };
}

Deno.test("testWith() skips with the reason, but never in CI", async () => {
  const skipped = await runs("false");
  assertEquals(skipped.code, 0, skipped.said);
  const reason = "needs no-such from nowhere";
  assertStringIncludes(skipped.said, `name (skipped: ${reason}) ... ignored`);
  const failed = await runs("true");
  assertEquals(failed.code, 1, failed.said);
  assertStringIncludes(failed.said, `Cannot skip in CI: ${reason}`);
});
