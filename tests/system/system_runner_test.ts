import { assert, assertEquals } from "@std/assert";
import { stoppableRunner, systemRunner } from "../../lib/system/runner.ts";
import { until } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

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
  const argv = ["sleep", "infinity"] as const;
  assertEquals(await systemRunner(argv, { timeoutMs: 50 }), "timeout");
});

/** Sleeps that no other process has: one that must end, and one that may stay. */
const [ENDS, STAYS] = [`sleep 6${Deno.pid}.1`, `sleep 6${Deno.pid}.2`] as const;

/** What is killed, by what the command leaves to others. */
const WRAPPED: Readonly<Record<string, string>> = {
  "a script around one that hangs": `${ENDS}; echo`,
  "a script whose program holds its pipes": `${ENDS} & ${ENDS}`,
  "a program that left the group": `setsid ${STAYS} & ${ENDS}`,
};

/** The process ids of a command. */
async function pidsOf(command: string): Promise<number[]> {
  const listed = await systemRunner([
    ...["sh", "-c"] as const,
    "for f in /proc/[0-9]*/cmdline; do echo $f $(tr '\\0' ' ' <$f); done 2>/dev/null",
  ]);
  assert(typeof listed !== "string");
  return listed.stdout.split("\n").filter((line) => line.endsWith(command))
    .map((line) => Number(line.split("/")[2]));
}

for (const [what, script] of Object.entries(WRAPPED)) {
  testWith([{ command: "kill", from: "procps" }])(
    `systemRunner() stops ${what}`,
    async () => {
      const stop = new AbortController();
      const { signal } = stop;
      const run = systemRunner(["sh", "-c", script], { signal });
      const commands = [ENDS, STAYS].filter((it) => script.includes(it));
      for (const command of commands) {
        await until(command, async () => (await pidsOf(command)).length > 0);
      }
      stop.abort();
      assertEquals(await run, "timeout");
      assertEquals(await pidsOf(ENDS), []);
      // It holds the pipes, for which nobody waited.
      const left = await pidsOf(STAYS);
      assertEquals(left.length, script.includes(STAYS) ? 1 : 0);
      for (const pid of left) Deno.kill(pid, "SIGKILL");
    },
  );
}

Deno.test("systemRunner() stops a program when it is told to", async () => {
  const controller = new AbortController();
  const run = systemRunner(["sleep", "infinity"], {
    signal: controller.signal,
  });
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
