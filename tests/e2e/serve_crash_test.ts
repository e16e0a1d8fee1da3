import { assert, assertEquals, assertMatch } from "@std/assert";
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

async function requireChild(program: RunningProgram): Promise<number> {
  const child = await childOf(program);
  assert(child !== undefined);
  return child;
}

/** Waits until a proxy that died listens again, for the so-manieth time. */
function lives(program: RunningProgram, times: number): Promise<void> {
  return program.logged(
    new RegExp(`(?:info the proxy listens again[^]*){${times}}`),
  );
}

/** 50 connections at a time with 200 requests each, for half a second. */
const HTTP2 = `
import socket, threading, time
def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
def field(name, value):
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value
head = b"".join(field(*it) for it in [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"169.254.169.254"), (b":path", b"/latest/meta-data/")])
start = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(4, 0, 0, b"")
streams = b"".join(frame(1, 5, 2 * i + 1, head) for i in range(200))
end = time.monotonic() + 0.5
def attack():
    while time.monotonic() < end:
        try:
            connection = socket.create_connection(("127.0.0.1", 4000), timeout=1)
            connection.sendall(start + streams)
            connection.close()
        except OSError:
            pass
threads = [threading.Thread(target=attack) for _ in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("over", flush=True)
`;

/** Who is killed, one time after the other; a parent's end is that of a life. */
const KILLS: readonly (readonly ("child" | "both" | "parent")[])[] = [
  ["both"],
  ["child", "child", "parent"],
];

for (const backend of ALL_BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables: whoever waits for its port reads no request, under a flood of HTTP/2 and whatever is killed (${backend})`,
    async () => {
      await using node = await createNode(backend);
      const before = await node.rules();
      const serve = `serve --iptables --backend=${backend}`;
      const answered = () =>
        until(
          "a client gets its answer again",
          async () => await node.see(0) === EMULATED,
        );
      let program = await node.start(serve);
      const load = await startLoad(node.namespace, 2, undefined, 1);
      const first = await startSquatter(node.namespace, 1000);
      const attack = node.namespace.spawn([
        ...asUser(1001),
        ...["/usr/bin/python3", "-c", HTTP2],
      ]);
      await attack.shows(/^over$/m);
      await answered();
      let reads = first.read();
      await first.kill();
      for (const victims of KILLS) {
        for (const [i, victim] of victims.entries()) {
          const port = Number(await node.leadsTo());
          const squatter = await startSquatter(node.namespace, 1000, port);
          const child = await requireChild(program);
          if (victim !== "child") program.signal("SIGKILL");
          if (victim !== "parent") Deno.kill(child, "SIGKILL");
          await squatter.took();
          if (victim === "child") await lives(program, i + 1);
          else {
            await program.result;
            await until("the child ends", async () => !await isAlive(child));
            program = await node.start(serve);
          }
          // Until then, clients wait for whom the guard does not let answer.
          await until(
            "the rule leads to another port",
            async () => Number(await node.leadsTo()) !== port,
          );
          await answered();
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

/** What becomes of clients once it has given up. */
const CRASHES = { keep: "refused", remove: REAL };

for (const [onCrash, seen] of Object.entries(CRASHES)) {
  testWith(NODE_NEEDS)(
    `serve --iptables --on-crash ${onCrash} gives up after five deaths in a minute: ${seen}`,
    async () => {
      await using node = await createNode();
      const before = await node.rules();
      await using program = await node.start(
        `serve --iptables --on-crash ${onCrash}`,
      );
      for (let death = 0; death < 5; death++) {
        await lives(program, death);
        Deno.kill(await requireChild(program), "SIGKILL");
      }
      const { code, stderr } = await program.result;
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /error the proxy died pid=\d+ how="signal SIGKILL"/);
      assertMatch(stderr, /error the proxy died too often, giving up\n/);
      assertEquals(await node.see(0), seen);
      if (onCrash === "keep") {
        await using again = await node.start("serve --iptables");
        assertEquals(await node.see(0), EMULATED);
        assertEquals((await again.stop()).code, 0);
      }
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve --iptables replaces a child that hangs, before anyone asks it to",
  async () => {
    await using node = await createNode();
    await using program = await node.start("serve --iptables");
    const child = await requireChild(program);
    Deno.kill(child, "SIGSTOP");
    await program.logged(/error the proxy does not react, ending it/);
    await revived(program, node);
    assertEquals(await isAlive(child), false);
  },
);
