/**
 * Others' native nft rules in iptables' nat table, which iptables cannot list:
 * they come while `serve` keeps its rule there.
 */
import { assertEquals } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
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

const NEEDS = [...NODE_NEEDS, { command: "nft", from: "nftables" }];

/** Where they stand, and the script that puts them there. */
const FOREIGN: Readonly<Record<string, string>> = {
  "in another chain": `add chain ip nat THEIRS
add rule ip nat THEIRS ct state new counter
`,
  "before ours": "insert rule ip nat OUTPUT ct state new counter\n",
};

const installed = installedForFile();

for (const [where, script] of Object.entries(FOREIGN)) {
  testWith(NEEDS)(
    `serve --iptables keeps and removes its rule where others' native rules come ${where}`,
    async () => {
      await using node = await createNode(await installed(), "nft");
      const nat = () =>
        node.namespace.must(["nft", "list", "table", "ip", "nat"]);
      await using program = await node.start("serve --iptables");
      await node.namespace.must(["nft", "-f", "-"], script);
      const load = await startLoad(node.namespace, 8);
      const child = await childOf(program) ?? 0;
      Deno.kill(child, "SIGKILL");
      await revived(program, node);
      const tally = await load.count();
      assertEquals(tally[REAL], undefined, JSON.stringify(tally));
      assertEquals(program.stderr().match(/error cannot /g), null);
      const { code, stderr } = await program.stop();
      assertEquals(code, 0, stderr);
      assertEquals((await nat()).match(/C2S-IMDS/g), null);
      assertEquals(await node.see(0), REAL);
    },
  );
}

testWith(NEEDS)(
  "iptables remove takes the rule away where others' native rules stand before it",
  async () => {
    await using node = await createNode(await installed(), "nft");
    const before = await node.rules();
    await node.run("iptables install");
    await node.namespace.must(["nft", "-f", "-"], FOREIGN["before ours"]);
    const { code, stdout, stderr } = await node.run("iptables remove");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout,
      "Removed from the nft backend: IPv6\nRemoved from the nft backend: IPv4\n",
    );
    await node.namespace.must(["nft", "flush", "chain", "ip", "nat", "OUTPUT"]);
    assertEquals(
      (await node.rules()).replaceAll(/^:.*\n/gm, ""),
      before.replaceAll(/^:.*\n/gm, ""),
    );
  },
);

/** Rules of others that take clients away from ours, and where they stand. */
const BEFORE: Readonly<Record<string, string>> = {
  "an ACCEPT": "-t nat -I OUTPUT -d 169.254.169.254 -j ACCEPT",
  "a DNAT":
    "-t nat -I OUTPUT -p tcp --dport 80 -m owner ! --uid-owner 10169 -j DNAT --to-destination 127.0.0.1:9",
  "an ACCEPT before the guard": "-I OUTPUT -p tcp -j ACCEPT",
};

for (const backend of BACKENDS) {
  for (const [what, rule] of Object.entries(BEFORE)) {
    testWith(NEEDS)(
      `serve --iptables puts its rule before ${what} of others (${backend})`,
      async () => {
        await using node = await createNode(await installed(), backend);
        await using program = await node.start("serve --iptables");
        const iptables = [`iptables-${backend}`, "-w"];
        await node.namespace.must([...iptables, ...rule.split(" ")]);
        await program.logged(/warn the rule was put back was=.*stands before/);
        assertEquals(await node.see(0), EMULATED);
        const { stdout } = await node.run("iptables status");
        assertEquals(stdout.match(/stands before/g), null);
      },
    );
  }
}
