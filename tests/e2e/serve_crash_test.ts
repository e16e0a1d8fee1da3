import { assert, assertEquals, assertMatch } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import { startLoad } from "../helpers/load.ts";
import {
  BACKENDS,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  NODE_NEEDS,
  REAL,
  revived,
  type TestNode,
  until,
} from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";
import { SQUATTER, startSquatter } from "../helpers/squatter.ts";

const installed = installedForFile();

async function killChild(program: RunningProgram): Promise<number> {
  const child = await childOf(program);
  assert(child !== undefined);
  Deno.kill(child, "SIGKILL");
  return child;
}

async function leadsTo(node: TestNode, port: string): Promise<void> {
  await until(
    `the rule leads to "${port}"`,
    async () => await node.leadsTo() === port,
  );
}

for (const backend of BACKENDS) {
  testWith(
    NODE_NEEDS,
    `serve --iptables lets nobody reach the real region while its child is dead (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      await using program = await node.start("serve --iptables");
      const load = await startLoad(node.namespace, 8);
      const child = await killChild(program);
      await program.logged(/error the proxy died pid=\d+ how="signal SIGKILL"/);
      await revived(program, node);
      const tally = await load.count();
      assertEquals(tally[REAL], undefined, JSON.stringify(tally));
      assert((tally["refused"] ?? 0) > 0, JSON.stringify(tally));
      assert((tally[EMULATED] ?? 0) > 0, JSON.stringify(tally));
      assert(await childOf(program) !== child);
      assertEquals((await program.stop()).code, 0);
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(
  NODE_NEEDS,
  "serve --iptables --on-crash remove lets clients go direct while its child is dead",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    await using program = await node.start(
      "serve --iptables --on-crash remove",
    );
    // The port is taken, so that the child stays dead.
    const squatter = await startSquatter(node.namespace);
    await killChild(program);
    await squatter.took();
    await leadsTo(node, "");
    assertEquals(await node.see(0), REAL);
    const { code, stderr } = await program.result;
    assertEquals(code, 1, stderr);
    assertEquals(await node.rules(), before);
    assertEquals(await node.see(0), REAL);
  },
);

testWith(
  NODE_NEEDS,
  "serve --iptables gives up when another user keeps the port, who gets nothing",
  async () => {
    await using node = await createNode(await installed());
    await using program = await node.start("serve --iptables");
    const squatter = await startSquatter(node.namespace);
    await killChild(program);
    await squatter.took();
    await leadsTo(node, "1");
    const caught = squatter.caught();
    const seen = await Promise.all([0, 1000, 0].map((uid) => node.see(uid)));
    assertEquals(seen, ["refused", "refused", "refused"]);
    const { code, stderr } = await program.result;
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      /error the proxy cannot start error="Cannot listen on 127\.0\.0\.1:4000: another program has it/,
    );
    assertMatch(stderr, /error the proxy died too often, giving up\n$/);
    assertEquals(await node.leadsTo(), "1");
    assertEquals(await node.see(0), "refused");
    assertEquals(squatter.caught(), caught);
  },
);

testWith(
  NODE_NEEDS,
  "serve --iptables gives up after five deaths in a minute",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    await using program = await node.start("serve --iptables");
    let child: number | undefined;
    for (let death = 1; death <= 5; death++) {
      await until("there is a new child that listens", async () => {
        const next = await childOf(program);
        return next !== undefined && next !== child &&
          await node.leadsTo() === "4000";
      });
      child = await killChild(program);
    }
    const { code, stderr } = await program.result;
    assertEquals(code, 1, stderr);
    assertEquals(stderr.match(/error the proxy died /g)?.length, 6);
    assertEquals(await node.see(0), "refused");
    {
      await using again = await node.start("serve --iptables");
      assertEquals(await node.see(0), EMULATED);
      assertEquals((await again.stop()).code, 0);
    }
    assertEquals(await node.rules(), before);
  },
);

for (const backend of BACKENDS) {
  testWith(
    NODE_NEEDS,
    `serve --iptables killed by force takes its child along, and the next one repairs (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      {
        await using program = await node.start("serve --iptables");
        const child = await childOf(program);
        assert(child !== undefined);
        const killed = performance.now();
        program.signal("SIGKILL");
        await until("the child ends", async () => !await isAlive(child));
        assert(performance.now() - killed < 2_000, "the child lived on");
      }
      assertEquals(await node.leadsTo(), "4000");
      assertEquals(await node.see(0), "refused");

      // What remains: the port is open to anyone until the next start.
      const squatter = await startSquatter(node.namespace);
      await squatter.took();
      assertEquals(await node.see(0), SQUATTER);
      const taken = await node.run("serve --iptables");
      assertEquals(taken.code, 1);
      assertMatch(
        taken.stderr,
        /error the rule led to a stranger, and is closed now port=4000 uid=1000\nc2s-imds: Cannot listen on 127\.0\.0\.1:4000: another program has it, stop that one or choose another --listen\n$/,
      );
      assertEquals(await node.leadsTo(), "1");
      assertEquals(await node.see(0), "refused");
      {
        await using elsewhere = await node.start(
          "serve --iptables --listen 127.0.0.1:4001",
        );
        assertEquals(await node.see(0), EMULATED);
        elsewhere.signal("SIGKILL");
        await elsewhere.result;
      }
      await squatter.kill();
      {
        await using program = await node.start("serve --iptables");
        assertEquals(await node.leadsTo(), "4000");
        assertEquals(await node.see(0), EMULATED);
        assertEquals((await program.stop()).code, 0);
      }
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(
  NODE_NEEDS,
  "serve --iptables replaces a child that hangs, before anyone asks it to",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    await using program = await node.start("serve --iptables");
    const child = await childOf(program);
    assert(child !== undefined);
    const hung = performance.now();
    Deno.kill(child, "SIGSTOP");
    await program.logged(/error the proxy does not react, ending it/);
    await program.logged(/info the proxy listens again/);
    await until(
      "a client is redirected again",
      async () => await node.see(0) === EMULATED,
    );
    assert(performance.now() - hung < 12_000, "it took too long");
    assertEquals((await program.stop()).code, 0);
    assertEquals(await node.rules(), before);
  },
);
