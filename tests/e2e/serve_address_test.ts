import { assertEquals, assertMatch } from "@std/assert";
import { createNeighbours } from "../helpers/cable.ts";
import {
  askAs,
  childOf,
  EMULATED,
  isAlive,
  NODE_NEEDS,
  REGION,
  until,
} from "../helpers/node.ts";
import { runProgram, startProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";

const ARP_IGNORE = "/proc/sys/net/ipv4/conf/all/arp_ignore";
const URL = `http://169.254.169.254:39724${REGION}`;

/** `serve` as a user of CloudStack without the rule runs it. */
const SERVE =
  "serve --address --upstream http://10.77.0.2 --listen 169.254.169.254:39724 --listen-anywhere";

/** A node whose metadata service is its neighbour. */
async function createPlace(stack: AsyncDisposableStack) {
  const { node, neighbour } = await createNeighbours(stack);
  stack.use(
    await startProgram(
      ["simulate", "--listen=10.77.0.2:80", "--listen-anywhere"],
      { namespace: neighbour.name, cwd: "/" },
    ),
  );
  const there = { namespace: node.name, cwd: "/" };
  return {
    node,
    neighbour,
    start: (line: string) => startProgram(line.split(" "), there),
    run: (line: string) => runProgram(line.split(" "), there),
    /** The addresses of the node, and whether `arp_ignore` is set. */
    state: async () =>
      await node.must(["ip", "-4", "address"]) +
      await node.must(["cat", ARP_IGNORE]),
  };
}

for (const flags of ["", " --iptables --listen 127.0.0.1:4000"]) {
  testWith(NODE_NEEDS)(
    `serve --address${flags} has the address while it serves, whatever becomes of it`,
    async (t) => {
      await using stack = new AsyncDisposableStack();
      const place = await createPlace(stack);
      const { node, neighbour } = place;
      const before = await place.state();
      const see = (uid = 1000) => askAs(node, uid, URL);

      await t.step("and needs leave to keep neighbours out", async () => {
        const { code, stdout, stderr } = await place.run(SERVE + flags);
        assertEquals([code, stdout], [1, ""]);
        assertMatch(
          stderr,
          /Cannot add 169\.254\.169\.254\/32 to lo: neighbours on "eth0" would reach it, run "sysctl [^"]+" or give --arp-ignore\n$/,
        );
        assertEquals(await place.state(), before);
      });

      await t.step("from start to stop", async () => {
        await using program = await place.start(
          `${SERVE} --arp-ignore${flags}`,
        );
        assertEquals(program.urls[0], "http://169.254.169.254:39724");
        assertEquals([await see(), await see(0)], [EMULATED, EMULATED]);
        // No neighbour gets to it: neither by ARP, nor by the proxy itself.
        assertMatch(await askAs(neighbour, 0, URL), /^(?:late|refused)$/);
        // Another one, which cannot listen, leaves the address alone.
        const other = await place.run(`${SERVE} --arp-ignore`);
        assertEquals(other.code, 1);
        assertMatch(
          other.stderr,
          /Cannot listen on .*: another program has it/,
        );
        assertEquals(await see(), EMULATED);
        const child = await childOf(program);
        if (child !== undefined) {
          const during = await place.state();
          Deno.kill(child, "SIGKILL");
          await program.logged(/info the proxy listens again/);
          assertEquals(await place.state(), during);
        }
        const { code, stderr } = await program.stop();
        assertEquals(code, 0, stderr);
        assertEquals(await place.state(), before);
      });

      await t.step("across a SIGKILL, until the next one stops", async () => {
        const killed = await place.start(`${SERVE} --arp-ignore${flags}`);
        const child = await childOf(killed);
        await killed.stop("SIGKILL");
        if (child !== undefined) {
          await until("the child is gone", async () => !await isAlive(child));
        }
        assertEquals(await see(), "refused");
        await using program = await place.start(
          `${SERVE} --arp-ignore${flags}`,
        );
        assertEquals(await see(), EMULATED);
        assertEquals((await program.stop()).code, 0);
        assertEquals(await place.state(), before);
      });
    },
  );
}
