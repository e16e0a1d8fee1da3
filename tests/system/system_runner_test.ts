import { assert, assertEquals } from "@std/assert";
import { stoppableRunner, systemRunner } from "../../lib/system/runner.ts";

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

/** A program that hangs, like no other on this machine. */
const SLEEP = `sleep ${6_000_000 + Deno.pid}`;

/** What becomes of a time limit, by what the command leaves to others. */
const WRAPPED: Readonly<Record<string, string>> = {
  "a script around one that hangs": `${SLEEP}; echo`,
  "a script whose program holds its pipes": `${SLEEP} & ${SLEEP}`,
  "a program that left the group": `setsid sleep 1 & ${SLEEP}`,
};

for (const [what, script] of Object.entries(WRAPPED)) {
  Deno.test(`systemRunner() stops ${what}`, async () => {
    const start = performance.now();
    const argv = ["sh", "-c", script] as const;
    assertEquals(await systemRunner(argv, { timeoutMs: 50 }), "timeout");
    assert(performance.now() - start < 900, "it waited for the pipes");
    const left = await systemRunner([
      ...["sh", "-c"] as const,
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '",
    ]);
    assert(typeof left !== "string");
    assertEquals(left.stdout.includes(SLEEP), false);
  });
}

Deno.test("systemRunner() stops a program when it is told to", async () => {
  const controller = new AbortController();
  const run = systemRunner(["sleep", "60"], { signal: controller.signal });
  controller.abort();
  assertEquals(await run, "timeout");
  assertEquals(
    await systemRunner(["true"], { signal: controller.signal }),
    "timeout",
  );
});

Deno.test("stoppableRunner() stops what runs and starts nothing more", async () => {
  const { run, stop } = stoppableRunner(systemRunner);
  assertEquals(await run(["echo", "a"]), {
    code: 0,
    stdout: "a\n",
    stderr: "",
  });
  const hanging = [run(["sleep", "60"]), run(["sh", "-c", "sleep 60; echo"])];
  await stop();
  assertEquals(await Promise.all(hanging), ["timeout", "timeout"]);
  assertEquals(await run(["echo", "a"]), "timeout");
});
