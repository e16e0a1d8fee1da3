import { assert, assertEquals, assertMatch } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import { startLoad } from "../helpers/load.ts";
import {
  ALL_BACKENDS,
  asUser,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  NODE_NEEDS,
  REAL,
  revived,
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

/** How often a proxy that died listens again. */
function lives(program: RunningProgram): number {
  return program.stderr().match(/info the proxy listens again/g)?.length ?? 0;
}

/** Who is killed, one time after the other. */
const KILLS: readonly (readonly ("child" | "both" | "parent")[])[] = [
  ["child", "child", "child", "parent"],
  ["both"],
  ["child", "child", "child", "parent"],
  ["parent"],
];

for (const backend of ALL_BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables: whoever waits for its port reads no request, whatever is killed (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      const serve = `serve --iptables --backend=${backend}`;
      let program = await node.start(serve);
      const load = await startLoad(node.namespace, 8, undefined, 1);
      let reads = 0;
      for (const victims of KILLS) {
        for (const [i, victim] of victims.entries()) {
          const port = Number(await node.leadsTo());
          const squatter = await startSquatter(node.namespace, 1000, port);
          const child = await childOf(program);
          assert(child !== undefined);
          if (victim !== "child") program.signal("SIGKILL");
          if (victim !== "parent") Deno.kill(child, "SIGKILL");
          await squatter.took();
          if (victim === "child") {
            await until(
              "the next proxy listens",
              () => Promise.resolve(lives(program) === i + 1),
            );
          } else {
            await program.result;
            await until("the child ends", async () => !await isAlive(child));
            program = await node.start(serve);
          }
          await until(
            "the rule leads to another port",
            async () => Number(await node.leadsTo()) !== port,
          );
          assertEquals(await node.see(0), EMULATED);
          reads += squatter.read();
          await squatter.kill();
        }
      }
      const tally = await load.count();
      assertEquals(reads, 0);
      assertEquals(tally[SQUATTER], undefined, JSON.stringify(tally));
      assertEquals(tally[REAL], undefined, JSON.stringify(tally));
      assert((tally[EMULATED] ?? 0) > 0, JSON.stringify(tally));
      assertEquals((await program.stop()).code, 0);
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve --iptables has clients refused while its child is dead, and never shows the real region",
  async () => {
    await using node = await createNode(await installed());
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
  },
);

/** What becomes of clients while the child stays dead, and after it. */
const CRASHES = { keep: "refused", remove: REAL };

for (const [onCrash, seen] of Object.entries(CRASHES)) {
  testWith(NODE_NEEDS)(
    `serve --iptables --on-crash ${onCrash} gives up after five deaths in a minute: ${seen}`,
    async () => {
      await using node = await createNode(await installed());
      const before = await node.rules();
      await using program = await node.start(
        `serve --iptables --on-crash ${onCrash}`,
      );
      for (let death = 1; death <= 5; death++) {
        await until(
          "there is a child that listens",
          () => Promise.resolve(lives(program) === death - 1),
        );
        await killChild(program);
      }
      const { code, stderr } = await program.result;
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /error the proxy died too often, giving up\n$/);
      assertEquals(await node.see(0), seen);
      if (onCrash === "remove") assertEquals(await node.rules(), before);
      {
        await using again = await node.start("serve --iptables");
        assertEquals(await node.see(0), EMULATED);
        assertEquals((await again.stop()).code, 0);
      }
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve --iptables stopped before it listens removes the rule of a life that was killed",
  async () => {
    const { command, env } = await installed();
    await using node = await createNode(await installed());
    const before = await node.rules();
    {
      await using program = await node.start("serve --iptables");
      program.signal("SIGKILL");
      await program.result;
    }
    assertEquals(await node.see(0), "refused");
    const shell = node.namespace.spawn([
      // It would be taken for a setting of the program's.
      ...["env", "-u", "C2S_IMDS_EXECUTABLE"],
      ...Object.entries(env).map((pair) => pair.join("=")),
      ...[...command, "serve", "--iptables"],
    ]);
    await until(
      "there is a child",
      async () => await childOf(shell) !== undefined,
    );
    await shell.kill("SIGTERM");
    assertEquals((await shell.ended).code, 0);
    assertEquals(await node.rules(), before);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables replaces a child that hangs, before anyone asks it to",
  async () => {
    await using node = await createNode(await installed());
    await using program = await node.start("serve --iptables");
    const child = await childOf(program);
    assert(child !== undefined);
    Deno.kill(child, "SIGSTOP");
    await program.logged(/error the proxy does not react, ending it/);
    await revived(program, node);
    assertEquals(await isAlive(child), false);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables notices the end of a child whose pipes somebody else holds, and stops",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    await using program = await node.start("serve --iptables");
    const child = await childOf(program);
    assert(child !== undefined);
    // As the proxy's user could by pidfd_getfd(2).
    const holder = node.namespace.spawn([
      ...["sh", "-c", `exec sleep 60 0<&- 4>/proc/${child}/fd/1`],
    ]);
    const pipe = await node.namespace.must(["readlink", `/proc/${child}/fd/1`]);
    await until("somebody holds the pipe", async () => {
      const fd = `/proc/${holder.pid}/fd/4`;
      return (await node.namespace.run(["readlink", fd])).stdout === pipe;
    });
    Deno.kill(child, "SIGKILL");
    await revived(program, node);
    const { code, stderr } = await program.stop();
    assertEquals(code, 0, stderr);
    assertEquals(await node.rules(), before);
  },
);

const HTTP2 = `
import socket, sys, threading, time
def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
def field(name, value):
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value
head = b"".join(field(*it) for it in [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"169.254.169.254"), (b":path", b"/latest/meta-data/")])
start = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(4, 0, 0, b"")
streams = b"".join(frame(1, 5, 2 * i + 1, head) for i in range(200))
end = time.monotonic() + float(sys.argv[2])
def attack():
    while time.monotonic() < end:
        try:
            connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1)
            connection.sendall(start + streams)
            connection.close()
        except OSError:
            pass
threads = [threading.Thread(target=attack) for _ in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("over", flush=True)
`;

for (const backend of ALL_BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables gives no other user a request while HTTP/2 floods come, and is back after them (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      await using _program = await node.start(
        `serve --iptables --backend=${backend}`,
      );
      const squatter = await startSquatter(node.namespace, 1000);
      const load = await startLoad(node.namespace, 4, undefined, 1);
      const attack = node.namespace.spawn([
        ...asUser(1001),
        ...["/usr/bin/python3", "-c", HTTP2, "4000", "4"],
      ]);
      await attack.shows(/^over$/m);
      await until(
        "a client gets its answer again",
        async () => await node.see(0) === EMULATED,
      );
      const tally = await load.count();
      assertEquals(squatter.read(), 0);
      assertEquals(tally[SQUATTER], undefined, JSON.stringify(tally));
      assertEquals(tally[REAL], undefined, JSON.stringify(tally));
    },
  );
}
