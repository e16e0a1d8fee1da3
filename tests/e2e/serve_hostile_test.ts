import { assertEquals } from "@std/assert";
import { installedProgram } from "../helpers/installed.ts";
import { startLoad } from "../helpers/load.ts";
import { createNode, EMULATED, NODE_NEEDS, until } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const UNREAD = '"$@" 2>&1 >/dev/null | sleep 30';

/** Starts of a kind that may break a program, by what is done to it. */
const STARTS: Readonly<Record<string, string>> = {
  "with nothing on standard input, output and error": '"$@" <&- >&- 2>&-',
  "with a full disk behind standard output and error":
    '"$@" >/dev/full 2>/dev/full',
  "while nobody reads its log": UNREAD,
  "without a home and with an empty environment but for its cache":
    'env -i PATH="$PATH" DENO_DIR="$DENO_DIR" "$@"',
};

testWith([...NODE_NEEDS, { command: "ps", from: "procps" }])(
  "serve --iptables works however it is started",
  async (t) => {
    const { command, env } = await installedProgram();
    await using node = await createNode();
    const before = await node.rules();
    for (const [how, script] of Object.entries(STARTS)) {
      await t.step(how, async () => {
        const shell = node.namespace.spawn([
          ...["setsid", "env", "--unset=C2S_IMDS_EXECUTABLE"],
          ...Object.entries(env).map((pair) => pair.join("=")),
          ...["sh", "-c", script, "sh", ...command],
          ...["serve", "--iptables", "--log-level=debug"],
        ]);
        await until(
          "the rule is in place",
          async () => await node.leadsTo() === "4000",
        );
        const load = await startLoad(node.namespace, 4);
        // More log than a pipe holds, where nobody reads it.
        await load.hundred(script === UNREAD ? 6 : 1);
        const tally = await load.count();
        assertEquals(Object.keys(tally), [EMULATED], JSON.stringify(tally));
        await node.namespace.run(["kill", "-TERM", "--", `-${shell.pid}`]);
        await shell.ended;
        // The shell ends at once, the program after its drain.
        await until("its session is empty", async () => {
          const list = ["ps", "-o", "pid=", "-s", String(shell.pid)];
          return (await node.namespace.run(list)).stdout === "";
        });
        assertEquals(await node.rules(), before);
      });
    }
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables takes a storm of SIGHUP and a signal at any moment of its start",
  async () => {
    await using node = await createNode();
    const before = await node.rules();
    {
      await using program = await node.start("serve --iptables");
      for (let i = 0; i < 300; i++) program.signal("SIGHUP");
      assertEquals(await node.see(0), EMULATED);
      assertEquals((await program.stop()).code, 0);
    }
    for (const ms of [60, 150, 300, 500]) {
      const { code, stderr } = await node.run(
        "serve --iptables",
        {},
        ...["timeout", "--foreground", "--signal=TERM", String(ms / 1000)],
      );
      // timeout's own code; the signal reached it before or after its handlers.
      assertEquals(code, 124, stderr);
      assertEquals(await node.rules(), before, `${ms} ms: ${stderr}`);
    }
  },
);
