import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemRunner } from "../../lib/system/system_runner.ts";
import { installedForFile } from "../helpers/installed.ts";
import { startLoad, type Tally } from "../helpers/load.ts";
import {
  BACKENDS,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  NODE_NEEDS,
  REAL,
  until,
} from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

const CLIENTS = 16;

/** Nobody was refused, no answer was lost, and nothing else was answered. */
function assertWhole(tally: Tally): void {
  const others = Object.keys(tally).filter((what) =>
    what !== EMULATED && what !== REAL
  );
  assertEquals(others, [], JSON.stringify(tally));
  assert((tally[EMULATED] ?? 0) > 50, JSON.stringify(tally));
  assert((tally[REAL] ?? 0) > 50, JSON.stringify(tally));
}

async function kill(...args: string[]): Promise<void> {
  const result = await systemRunner(["kill", ...args]);
  assert(typeof result !== "string" && result.code === 0);
}

/** Who gets the signal. */
const WAYS: Readonly<
  Record<string, (program: RunningProgram) => Promise<unknown>>
> = {
  "to the parent": ({ pid }) => kill("-TERM", String(pid)),
  "to the process group": ({ pid }) => kill("-TERM", "--", `-${pid}`),
  "to parent and child": async (program) => {
    const child = await childOf(program);
    await kill("-TERM", String(child), String(program.pid));
  },
  "twice to the child, as a bystander": async (program) => {
    const child = String(await childOf(program));
    await kill("-TERM", child);
    await kill("-INT", child);
    await kill("-HUP", child);
    await kill("-INT", String(program.pid));
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  testWith(
    NODE_NEEDS,
    `serve --iptables loses no request when SIGTERM goes ${way}`,
    async () => {
      const backend = BACKENDS[Object.keys(WAYS).indexOf(way) % 2];
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      await using program = await node.start(
        "serve --iptables",
        {},
        "setsid",
      );
      const load = await startLoad(node.namespace, CLIENTS);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await send(program);
      const { code, stderr } = await program.result;
      await new Promise((resolve) => setTimeout(resolve, 100));
      assertWhole(await load.count());
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /info stopped\n$/);
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(
  NODE_NEEDS,
  "serve --iptables --on-stop keep leaves the rule closed",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    {
      await using program = await node.start(
        "serve --iptables --on-stop keep",
      );
      assertEquals(await node.see(0), EMULATED);
      assertEquals((await program.stop()).code, 0);
    }
    assertEquals(await node.leadsTo(), "1");
    assertEquals(await node.see(0), "refused");
    {
      await using program = await node.start("serve --iptables");
      assertEquals(await node.see(0), EMULATED);
      assertEquals((await program.stop()).code, 0);
    }
    assertEquals(await node.rules(), before);
  },
);

testWith(
  NODE_NEEDS,
  "serve --iptables takes two signals in a row and still removes the rule",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    await using program = await node.start("serve --iptables", {}, "setsid");
    const child = await childOf(program);
    assert(child !== undefined);
    // A client whose answer never comes: the drain alone would take 10 s.
    node.service.signal("SIGSTOP");
    const stuck = node.see(0);
    await until("a request is in flight", async () => {
      const open = await node.namespace.must([
        ...["ss", "-tnH", "state", "established", "sport", "=", ":4000"],
      ]);
      return open.trim() !== "";
    });
    const started = performance.now();
    await kill("-INT", "--", `-${program.pid}`);
    await kill("-INT", "--", `-${program.pid}`);
    const { code, stderr } = await program.result;
    assert(performance.now() - started < 3_000, "the second one did not force");
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /warn dropping the requests in flight/);
    assertEquals(await isAlive(child), false);
    assertEquals(await node.rules(), before);
    node.service.signal("SIGCONT");
    await stuck;
  },
);
