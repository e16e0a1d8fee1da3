/**
 * Others' rules where `serve` keeps its own: native nft rules in iptables' nat
 * table, which iptables cannot list, and rules that take clients away.
 */
import { assertEquals } from "@std/assert";
import { startLoad } from "../helpers/load.ts";
import {
  BACKENDS,
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  REAL,
  revived,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

/** Native rules in another chain and before ours. */
const NATIVE = `add chain ip nat THEIRS
add rule ip nat THEIRS ct state new counter
insert rule ip nat OUTPUT ct state new counter
`;

testWith(NODE_NEEDS)(
  "serve --iptables keeps and removes its rule where others' native rules come",
  async () => {
    await using node = await createNode("nft");
    await using program = await node.start("serve --iptables");
    await node.namespace.must(["nft", "-f", "-"], NATIVE);
    const load = await startLoad(node.namespace, 4);
    Deno.kill(await childOf(program) ?? 0, "SIGKILL");
    await revived(program, node);
    const tally = await load.count();
    assertEquals(tally[REAL], undefined, JSON.stringify(tally));
    assertEquals(program.stderr().match(/error cannot /g), null);
    const { code, stderr } = await program.stop();
    assertEquals(code, 0, stderr);
    const table = ["nft", "list", "table", "ip", "nat"] as const;
    const left = await node.namespace.must([...table]);
    assertEquals(left.match(/C2S-IMDS/g), null);
    assertEquals(await node.see(0), REAL);
  },
);

/** Rules of others that take clients away from ours. */
const BEFORE = [
  "-t nat -I OUTPUT -d 169.254.169.254 -j ACCEPT",
  "-t nat -I OUTPUT -p tcp --dport 80 -m owner ! --uid-owner 10169 -j DNAT --to-destination 127.0.0.1:9",
  "-I OUTPUT -p tcp -j ACCEPT",
];

for (const backend of BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables puts its rule before those of others (${backend})`,
    async () => {
      await using node = await createNode(backend);
      await using program = await node.start("serve --iptables");
      for (const [i, rule] of BEFORE.entries()) {
        const iptables = [`iptables-${backend}`, "-w"] as const;
        await node.namespace.must([...iptables, ...rule.split(" ")]);
        const back = `(put back was=.*stands before.*[^]*){${i + 1}}`;
        await program.logged(new RegExp(back));
        assertEquals(await node.see(0), EMULATED);
      }
      const { stdout } = await node.run("iptables status");
      assertEquals(stdout.match(/differs/g), null);
    },
  );
}
