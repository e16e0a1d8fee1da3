import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  controlChild,
  startChildProcess,
} from "../../lib/supervisor/child_process.ts";
import { type DesiredChild, NEW_CHILD } from "../../lib/supervisor/state.ts";
import { stopClock } from "../helpers/clock.ts";
import { procfs, until } from "../helpers/node.ts";
import { ROOT, testWith } from "../helpers/requires.ts";
import { CONFIG, logInto } from "./config.ts";

const USER = { uid: 10_169, gid: 10_169 };

/**
 * Starts a shell script in the place of the child. It reads its configuration
 * before it ends: until then the test's process still asks for its rights.
 */
function spawn(script: string, orders?: Partial<DesiredChild>, user = USER) {
  const log: string[] = [];
  const said: string[] = [];
  const command = { path: "/bin/sh", args: ["-c", script], env: {} };
  const child = controlChild(
    startChildProcess(command, user),
    { log: logInto(log), stderr: (text) => said.push(text) },
    CONFIG,
    orders,
  );
  return { child, log, said };
}

/** What makes it say something beside what each child says. */
const says = (more: string) =>
  `echo '${JSON.stringify(NEW_CHILD).slice(0, -1)},${more}}'`;

const LISTENING = says('"ports":[4000]');

testWith([ROOT])(
  "controlChild() tells what the child shall be, all of it each time",
  async () => {
    const { child } = spawn(
      `read first; case $first in *us-iso-east-1*'"tally":{"repairs":3,"failures":1}}') ${LISTENING};; esac
read second; case $second in *us-iso-east-1*'"repairs":3,'*'"drain":{"lingerMs":250}}') exit 7;; esac`,
      { tally: { repairs: 3, failures: 1 } },
    );
    assertEquals(await child.listening, CONFIG.listen);
    assertEquals(child.state.ports, [4000]);
    child.tell({ drain: { lingerMs: 250 } });
    assertEquals(await child.ended, "exit code 7");
    child.kill();
  },
);

testWith([ROOT])(
  "controlChild() starts it as the user, without groups, variables but one or a folder, in a session of its own with three pipes",
  async () => {
    using _clock = await stopClock();
    const { child, said } = spawn(
      `read config; { id -u; id -g; id -G; pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=; cut -d ' ' -f 5-7 /proc/$$/stat; echo $$; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; } >&2; exit 7`,
    );
    await assertRejects(() => child.listening, Error, "exit code 7");
    const pid = String(child.pid);
    const lines = said.join("").trim().split("\n");
    assertEquals(lines.slice(0, 7), [
      ...["10169", "10169", "10169", "/", "MALLOC_MMAP_THRESHOLD_=16384"],
      `${pid} ${pid} 0`,
      pid,
    ]);
    for (const pipe of lines.slice(7)) assertMatch(pipe, /^pipe:/);
    assertEquals(lines.length, 10);
  },
);

testWith([ROOT])("controlChild() hands on why it cannot listen", async () => {
  using _clock = await stopClock();
  const { child } = spawn(
    `read config; ${says('"failed":"no such address","taken":0')}`,
  );
  await assertRejects(() => child.listening, Error, "no such address");
  assertEquals(child.state.taken, 0);
  await child.ended;
});

for (
  const [what, nonsense] of Object.entries({
    "no JSON": "echo nonsense",
    "a line without an end": "tr '\\0' x < /dev/zero",
    "that it listens where it was not told to": LISTENING.replace("4000", "22"),
  })
) {
  testWith([ROOT])(
    `controlChild() ends a child that says ${what}, and logs an error`,
    async () => {
      const { child, log } = spawn(`read config; ${nonsense}; sleep 60`);
      assertEquals(await child.ended, "signal SIGKILL");
      assertMatch(
        log.join(""),
        /^\S+ error the proxy says what makes no sense/,
      );
      assertEquals(log.length, 1);
    },
  );
}

testWith([ROOT])(
  "controlChild() notices the end whoever still holds the pipes",
  async () => {
    const { child, said } = spawn(
      `read config; sleep 60 & echo $! >&2; ${LISTENING}; read more; exit 7`,
    );
    await child.listening;
    await until("it says who holds the pipes", () => said.length > 0);
    child.tell({});
    assertEquals(await child.ended, "exit code 7");
    assertEquals(await child.changed(), false);
    const holder = Number(said.join(""));
    assert(holder > 1);
    // It fails where nobody held them.
    Deno.kill(holder, "SIGKILL");
  },
);

testWith([ROOT])(
  "controlChild() keeps only the newest for a child that does not read",
  async () => {
    const { child } = spawn(
      `read first; ${LISTENING}; kill -STOP $$
while read line; do case $line in *'"drain"'*) echo "$line" | head -c 12 >&2; exit 7;; esac; done`,
    );
    await child.listening;
    const tally = { repairs: 0, failures: 0 };
    // Far more than a pipe holds.
    const regions = new Map([["x".repeat(100_000), "y"]]);
    const config = { ...CONFIG, regions };
    for (let i = 0; i < 100; i++) child.tell({ tally, config });
    child.tell({ drain: { lingerMs: 0 } });
    await until(
      "the child is stopped",
      async () => /^State:\s+T/m.test(await procfs(child.pid, "status")),
    );
    Deno.kill(child.pid, "SIGCONT");
    assertEquals(await child.ended, "exit code 7");
  },
);

testWith([ROOT])(
  "controlChild() tells nothing to a child that has rights beyond its user's",
  async () => {
    const told = await Deno.makeTempFile();
    try {
      const { child } = spawn(`head -c 1 > ${told}; exit 7`, {}, {
        uid: 0,
        gid: 10_169,
      });
      await assertRejects(
        () => child.listening,
        Error,
        "The proxy has rights beyond those of uid 0: CapPrm ",
      );
      assertEquals(await child.ended, "signal SIGKILL");
      assertEquals(await Deno.readTextFile(told), "");
    } finally {
      await Deno.remove(told);
    }
  },
);

testWith([ROOT])(
  "controlChild() hands on what a child logs, without control characters and with an end to each line",
  async () => {
    using _clock = await stopClock();
    const { child, said } = spawn(
      `read config; { printf 'a line\\n\\033]0;title\\007\\302\\2332J\\342\\200\\250 end\\n'; head -c 20000 /dev/zero | tr '\\0' x; echo; printf 'the last'; } >&2`,
    );
    await child.ended;
    const lines = said.join("").split("\n");
    assertEquals(lines[0], "a line");
    assertEquals(lines[1], "?]0;title??2J? end");
    assertEquals(lines[2], "x".repeat(16_384));
    assertEquals(lines.slice(-2), ["the last", ""]);
  },
);
