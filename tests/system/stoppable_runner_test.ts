import { assertEquals } from "@std/assert";
import { stoppableRunner } from "../../lib/system/stoppable_runner.ts";
import { systemRunner } from "../../lib/system/system_runner.ts";

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
