import { assert, assertEquals } from "@std/assert";
import { stoppableRunner, systemRunner } from "../../lib/system/runner.ts";
import { until } from "../helpers/node.ts";
import { plainRunner } from "../helpers/plain_runner.ts";
import { testWith } from "../helpers/requires.ts";

Deno.test("systemRunner() feeds, gathers, tells the code in the C locale, and why a program did not end by itself", async () => {
  const stopped = AbortSignal.abort();
  for (
    const [argv, options, result] of [
      [
        ["sh", "-c", "cat; echo $LC_ALL >&2; exit 3"],
        { stdin: "fed" },
        { code: 3, stdout: "fed", stderr: "C\n" },
      ],
      // It lives on when the program reads nothing.
      [
        ["true"],
        { stdin: "x".repeat(1 << 20) },
        { code: 0, stdout: "", stderr: "" },
      ],
      [["c2s-no-such-program"], {}, "not found"],
      [["sleep", "infinity"], { timeoutMs: 50 }, "timeout"],
      [["true"], { signal: stopped }, "timeout"],
    ] as const
  ) assertEquals(await systemRunner(argv, options), result, argv.join(" "));
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
  const listed = await plainRunner(["pgrep", "--full", `^${command}$`]);
  assert(typeof listed !== "string");
  return listed.stdout.split("\n").filter(Boolean).map(Number);
}

for (const [what, script] of Object.entries(WRAPPED)) {
  testWith([{ command: "pgrep", from: "procps" }])(
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
