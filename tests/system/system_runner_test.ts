import { assert, assertEquals } from "@std/assert";
import { systemRunner } from "../../lib/system/system_runner.ts";

Deno.test("systemRunner() feeds, gathers, and tells the code in the C locale", async () => {
  assertEquals(
    await systemRunner(["sh", "-c", "cat; echo $LC_ALL >&2; exit 3"], {
      stdin: "fed",
    }),
    { code: 3, stdout: "fed", stderr: "C\n" },
  );
});

Deno.test("systemRunner() says when the program is not there", async () => {
  assertEquals(await systemRunner(["c2s-no-such-program"]), "not found");
});

Deno.test("systemRunner() lives on when the program reads nothing", async () => {
  const result = await systemRunner(["true"], { stdin: "x".repeat(1 << 20) });
  assertEquals(result, { code: 0, stdout: "", stderr: "" });
});

Deno.test("systemRunner() stops a program that takes too long", async () => {
  const start = performance.now();
  assertEquals(
    await systemRunner(["sleep", "60"], { timeoutMs: 50 }),
    "timeout",
  );
  assert(performance.now() - start < 5_000);
});
